//! P12: mails a second to a server on loopback, against the same bytes over a bare socket.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keyledger::mail::sink::{Sink, SinkBehaviour};
use keyledger::mail::{MailSettings, MailSettingsDraft, Mailbox, OutgoingMail, Transport};
use keyledger::types::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::report::{Figure, Goal, Line, per_second};
use crate::{Size, house, stats};

pub(crate) const FIGURE: Figure = Figure {
    name: "P12",
    about: "mails to a server on loopback",
    measure,
};

const ROUNDS: usize = 3;
const TO: &str = "ada@example.org";

fn measure(size: Size) -> Vec<Line> {
    let time = Duration::from_millis(size.pick(1_500, 300));
    let runtime = house::runtime();
    [1, 4]
        .into_iter()
        .map(|connections| {
            let (mut ours, mut limits) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                limits.push(runtime.block_on(bare(connections, time)));
                ours.push(runtime.block_on(sent(connections, time)));
            }
            let (ours, limit) = (stats::median(&ours), stats::median(&limits));
            Line::ratio(
                format!("P12 mails, {connections} connections"),
                per_second(ours),
                format!("{} over a bare socket", per_second(limit)),
                ours / limit,
                Goal::AtLeast(0.5),
            )
        })
        .collect()
}

fn a_mail(number: u64) -> OutgoingMail {
    OutgoingMail {
        message_id: format!("{number}@mail.example.org"),
        to: TO.into(),
        from: Mailbox::parse("Keyledger <no-reply@example.org>").expect("an address"),
        subject: "Reset your password".into(),
        text: "Somebody asked to reset the password of your account.\n\nhttps://example.org/recover#t=x\n\n"
            .repeat(8),
        html: "<p>Somebody asked to reset the password of your account.</p>\n".repeat(12),
        template: "password_reset",
        date: Timestamp(1_700_000_000_000_000),
    }
}

async fn sink() -> Sink {
    // Kept mails would only fill the memory.
    Sink::start(SinkBehaviour::accepting().kept_max(1, 1 << 20))
        .await
        .expect("loopback has a free port")
}

/// Mails a second through the transport, with as many senders as connections.
async fn sent(connections: usize, time: Duration) -> f64 {
    let sink = sink().await;
    let settings = MailSettings::check(MailSettingsDraft {
        host: "127.0.0.1".into(),
        port: sink.addr().port(),
        connections_max: connections,
        hello_name: Some("bench.example.org".into()),
        ..MailSettingsDraft::default()
    });
    let transport = Transport::open(&settings.expect("loopback needs no TLS")).expect("nothing to read");
    let transport = Arc::new(transport);
    let began = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|_| {
            let transport = Arc::clone(&transport);
            tokio::spawn(async move {
                let mut count = 0;
                while began.elapsed() < time {
                    transport
                        .send(&a_mail(count))
                        .await
                        .expect("the sink takes every mail");
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.expect("senders do not panic");
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    transport.close().await;
    sink.stop().await;
    rate
}

/// The same steps with the same bytes, and nothing else: no composing, no reading of replies beyond their line.
async fn bare(connections: usize, time: Duration) -> f64 {
    let sink = sink().await;
    let mut body = a_mail(0).to_mime().expect("a mail");
    body.extend_from_slice(b"\r\n.\r\n");
    let body = Arc::new(body);
    let began = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(talk(sink.addr(), Arc::clone(&body), began + time)))
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task
            .await
            .expect("senders do not panic")
            .expect("the sink answers");
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    sink.stop().await;
    rate
}

async fn talk(addr: SocketAddr, body: Arc<Vec<u8>>, end: Instant) -> io::Result<u64> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let mut heard = [0; 4_096];
    reply(&mut stream, &mut heard).await?;
    let hello: &[u8] = b"EHLO bench.example.org\r\n";
    let steps: [&[u8]; 4] = [
        b"MAIL FROM:<no-reply@example.org>\r\n",
        b"RCPT TO:<ada@example.org>\r\n",
        b"DATA\r\n",
        &body,
    ];
    let mut count = 0;
    stream.write_all(hello).await?;
    reply(&mut stream, &mut heard).await?;
    while Instant::now() < end {
        for step in steps {
            stream.write_all(step).await?;
            reply(&mut stream, &mut heard).await?;
        }
        count += 1;
    }
    Ok(count)
}

/// Waits for the end of a reply: a line whose code is followed by a space.
async fn reply(stream: &mut TcpStream, heard: &mut [u8]) -> io::Result<()> {
    let mut length = 0;
    loop {
        let read = stream.read(&mut heard[length..]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        length += read;
        let said = &heard[..length];
        let last = said.trim_ascii_end().rsplit(|byte| *byte == b'\n').next();
        if said.ends_with(b"\n") && last.is_some_and(|line| line.get(3) == Some(&b' ')) {
            return Ok(());
        }
    }
}

use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use mail_parser::MessageParser;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto::ring};

use super::*;

const LIMIT: Duration = Duration::from_secs(10);

/// A client that speaks raw SMTP.
struct Client<S> {
    stream: BufReader<S>,
}

impl Client<TcpStream> {
    async fn connect(sink: &Sink) -> Self {
        let mut client = Self::without_greeting(sink).await;
        assert!(client.answer().await.starts_with("220 "));
        client
    }

    async fn without_greeting(sink: &Sink) -> Self {
        Self {
            stream: BufReader::new(TcpStream::connect(sink.addr()).await.unwrap()),
        }
    }

    async fn greeted(sink: &Sink) -> Self {
        let mut client = Self::connect(sink).await;
        assert!(client.speak("EHLO client.test").await.starts_with("250"));
        client
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// The whole answer, or what came of it before the connection ended.
    async fn answer(&mut self) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            let read = tokio::time::timeout(LIMIT, self.stream.read_line(&mut line))
                .await
                .unwrap();
            all.push_str(&line);
            if read.unwrap_or(0) == 0 || line.as_bytes().get(3) != Some(&b'-') {
                return all;
            }
        }
    }

    async fn speak(&mut self, command: &str) -> String {
        self.send(&format!("{command}\r\n")).await;
        self.answer().await
    }

    async fn status(&mut self, command: &str) -> String {
        self.speak(command).await.chars().take(3).collect()
    }

    async fn mail(&mut self, to: &str, text: &str) -> String {
        for (command, wanted) in [
            ("MAIL FROM:<a@x.test>", "250"),
            (&format!("RCPT TO:<{to}>"), "250"),
            ("DATA", "354"),
        ] {
            let status = self.status(command).await;
            if status != wanted {
                return status;
            }
        }
        self.status(&format!("{text}\r\n.")).await
    }
}

/// A certificate for `localhost`, and a client that trusts it.
fn certificate() -> (Arc<ServerConfig>, TlsConnector, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (
        Arc::new(server),
        TlsConnector::from(Arc::new(client)),
        certificate.to_vec(),
    )
}

#[tokio::test]
async fn a_mail_is_kept_as_sent_with_its_dots_unstuffed() {
    let sink = Sink::start(SinkBehaviour::accepting()).await.unwrap();
    let mut client = Client::greeted(&sink).await;
    assert_eq!(
        client.mail("b@x.test", "Subject: Hi\r\n\r\n..dot\r\nend").await,
        "250"
    );
    assert_eq!(client.status("QUIT").await, "221");

    let mail = sink.next_mail(LIMIT).await.unwrap();
    assert_eq!(mail.raw, b"Subject: Hi\r\n\r\n.dot\r\nend\r\n");
    assert_eq!(
        (mail.from.as_str(), mail.helo.as_str(), mail.tls),
        ("a@x.test", "client.test", false)
    );
    assert_eq!(mail.to, ["b@x.test"]);
    assert_eq!(mail.subject(), "Hi");
    assert_eq!(sink.connections(), 1);
}

#[tokio::test]
async fn commands_have_an_order_and_a_form() {
    let sink = Sink::start(SinkBehaviour::accepting()).await.unwrap();
    let mut client = Client::connect(&sink).await;
    assert_eq!(client.status("MAIL FROM:<a@x.test>").await, "503");
    assert_eq!(client.status("HELO old.test").await, "250");
    assert_eq!(client.status("RCPT TO:<b@x.test>").await, "503");
    assert_eq!(client.status("MAIL FROM:a@x.test").await, "501");
    assert_eq!(client.status("MAIL FROM:<é@x.test>").await, "553");
    assert_eq!(
        client.status("MAIL FROM:<é@x.test> SMTPUTF8 BODY=8BITMIME").await,
        "250"
    );
    assert_eq!(client.status("MAIL FROM:<a@x.test>").await, "503");
    assert_eq!(client.status("DATA").await, "503");
    assert_eq!(client.status("RCPT TO:<ü@x.test>").await, "250");
    assert_eq!(client.status("RSET").await, "250");
    assert_eq!(client.status("DATA").await, "503");
    assert_eq!(client.status("NOOP").await, "250");
    assert_eq!(client.status("STARTTLS").await, "503");
    assert_eq!(client.status("AUTH PLAIN AGEAYg==").await, "502");
    assert_eq!(client.status("TURN").await, "500");
    assert_eq!(sink.received(), 0);
}

#[tokio::test]
async fn commands_may_be_sent_ahead() {
    let sink = Sink::start(SinkBehaviour::accepting()).await.unwrap();
    let mut client = Client::greeted(&sink).await;
    client
        .send("MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<c@x.test>\r\nDATA\r\n")
        .await;
    for status in ["250", "250", "250", "354"] {
        assert!(client.answer().await.starts_with(status));
    }
    assert_eq!(client.status("\r\nx\r\n.").await, "250");
    assert_eq!(sink.mails()[0].to, ["b@x.test", "c@x.test"]);
}

#[tokio::test]
async fn mail_needs_the_right_sign_in_if_there_is_one() {
    let sink = Sink::start(SinkBehaviour::accepting().credentials("me", "secret"))
        .await
        .unwrap();
    let mut client = Client::connect(&sink).await;
    assert!(client.speak("EHLO x").await.contains("AUTH PLAIN LOGIN"));
    assert_eq!(client.status("MAIL FROM:<a@x.test>").await, "530");
    assert_eq!(client.status("AUTH PLAIN AG1lAHdyb25n").await, "535");
    assert_eq!(client.status("AUTH PLAIN !").await, "501");
    assert_eq!(client.status("AUTH CRAM-MD5").await, "504");
    assert_eq!(client.status("AUTH LOGIN").await, "334");
    assert_eq!(client.status("bWU=").await, "334");
    assert_eq!(client.status("c2VjcmV0").await, "235");
    assert_eq!(client.mail("b@x.test", "\r\nhi").await, "250");
    assert_eq!(sink.mails()[0].auth_user.as_deref(), Some("me"));

    let mut other = Client::greeted(&sink).await;
    assert_eq!(other.status("AUTH PLAIN").await, "334");
    assert_eq!(other.status("AG1lAHNlY3JldA==").await, "235");

    let mut guesser = Client::greeted(&sink).await;
    for status in ["535", "535", "421"] {
        assert_eq!(guesser.status("AUTH PLAIN AG1lAHdyb25n").await, status);
    }
}

#[tokio::test]
async fn starttls_comes_before_everything_and_forgets_what_was_said() {
    let (server, connector, _) = certificate();
    let behaviour = SinkBehaviour::accepting()
        .tls(SinkTls::StartTls(server))
        .credentials("me", "secret");
    let sink = Sink::start(behaviour).await.unwrap();
    let mut clear = Client::connect(&sink).await;
    let offer = clear.speak("EHLO clear.test").await;
    assert!(offer.contains("STARTTLS") && !offer.contains("AUTH "));
    assert_eq!(clear.status("MAIL FROM:<a@x.test>").await, "530");
    assert_eq!(clear.status("AUTH PLAIN AG1lAHNlY3JldA==").await, "530");
    assert_eq!(clear.status("STARTTLS").await, "220");

    let name = ServerName::try_from("localhost").unwrap();
    let stream = connector.connect(name, clear.stream.into_inner()).await.unwrap();
    let mut client = Client {
        stream: BufReader::new(stream),
    };
    assert_eq!(client.status("MAIL FROM:<a@x.test>").await, "503");
    let offer = client.speak("EHLO secure.test").await;
    assert!(offer.contains("AUTH ") && !offer.contains("STARTTLS"));
    assert_eq!(client.status("AUTH PLAIN AG1lAHNlY3JldA==").await, "235");
    assert_eq!(client.mail("b@x.test", "\r\nhi").await, "250");
    let mail = sink.next_mail(LIMIT).await.unwrap();
    assert!(mail.tls);
    assert_eq!(mail.helo, "secure.test");
}

#[tokio::test]
async fn what_is_sent_ahead_of_tls_ends_the_conversation() {
    let (server, _, _) = certificate();
    let sink = Sink::start(SinkBehaviour::accepting().tls(SinkTls::StartTls(server)))
        .await
        .unwrap();
    let mut client = Client::greeted(&sink).await;
    client.send("STARTTLS\r\nMAIL FROM:<evil@x.test>\r\n").await;
    assert!(client.answer().await.starts_with("220"));
    assert_eq!(client.answer().await, "");
}

#[tokio::test]
async fn tls_may_begin_with_the_first_byte() {
    let (server, connector, _) = certificate();
    let sink = Sink::start(SinkBehaviour::accepting().tls(SinkTls::Implicit(server)))
        .await
        .unwrap();
    let stream = TcpStream::connect(sink.addr()).await.unwrap();
    let stream = connector
        .connect(ServerName::try_from("localhost").unwrap(), stream)
        .await
        .unwrap();
    let mut client = Client {
        stream: BufReader::new(stream),
    };
    assert!(client.answer().await.starts_with("220"));
    assert!(!client.speak("EHLO x").await.contains("STARTTLS"));
    assert_eq!(client.mail("b@x.test", "\r\nhi").await, "250");
    assert_eq!(client.status("QUIT").await, "221");
    assert!(sink.next_mail(LIMIT).await.unwrap().tls);
}

#[tokio::test]
async fn everything_has_a_limit() {
    let sink = Sink::start(SinkBehaviour::accepting().message_bytes_max(2000))
        .await
        .unwrap();
    let mut client = Client::greeted(&sink).await;
    assert_eq!(client.status(&"x".repeat(5000)).await, "500");
    assert_eq!(client.status("MAIL FROM:<a@x.test> SIZE=2001").await, "552");
    assert_eq!(
        client.mail("b@x.test", &"0123456789\r\n".repeat(300)).await,
        "552"
    );
    assert_eq!(client.mail("b@x.test", &"x".repeat(999)).await, "500");
    assert_eq!(client.mail("b@x.test", &"x".repeat(998)).await, "250");
    assert_eq!(client.mail(&"b".repeat(300), "").await, "501");

    let mut hasty = Client::greeted(&sink).await;
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(hasty.status("NONSENSE").await);
    }
    assert_eq!(answers.last().unwrap(), "421");
}

#[tokio::test]
async fn a_lone_line_feed_smuggles_no_second_mail() {
    let sink = Sink::start(SinkBehaviour::accepting()).await.unwrap();
    let mut client = Client::greeted(&sink).await;
    assert_eq!(
        client
            .mail("b@x.test", "\r\nhi\n.\r\nMAIL FROM:<evil@x.test>")
            .await,
        "550"
    );
    assert_eq!(client.mail("b@x.test", "\r\nhi").await, "250");
    assert_eq!(sink.received(), 1);
}

#[tokio::test]
async fn an_idle_client_is_left() {
    let sink = Sink::start(SinkBehaviour::accepting().idle(Duration::from_millis(20)))
        .await
        .unwrap();
    let mut client = Client::connect(&sink).await;
    assert_eq!(client.answer().await, "");
}

#[tokio::test]
async fn a_fault_counts_for_its_step_its_recipient_and_its_times() {
    let behaviour = SinkBehaviour::accepting()
        .fault(Fault::answer(Step::RcptTo, 550, "5.1.1 Unknown").for_recipient("Gone@x.test"))
        .fault(Fault::answer(Step::Message, 451, "4.3.0 Later").first(2))
        .fault(Fault::delay(Step::MailFrom, Duration::from_millis(1)));
    let sink = Sink::start(behaviour).await.unwrap();
    let mut client = Client::greeted(&sink).await;
    assert_eq!(client.mail("gone@x.test", "").await, "550");
    assert_eq!(client.status("RSET").await, "250");
    for status in ["451", "451", "250"] {
        assert_eq!(client.mail("b@x.test", "\r\nhi").await, status);
    }
    sink.add_fault(Fault::answer(Step::Data, 421, "4.3.2 Stopping"));
    assert_eq!(client.mail("b@x.test", "").await, "421");
    assert_eq!(client.answer().await, "");
    sink.clear_faults();
    assert_eq!(
        Client::greeted(&sink).await.mail("gone@x.test", "\r\nhi").await,
        "250"
    );
}

#[tokio::test]
async fn a_connection_may_break_at_any_point_around_the_dot() {
    let sink = Sink::start(SinkBehaviour::accepting()).await.unwrap();
    for (fault, answer, kept) in [
        (Fault::disconnect(Step::Message), "", 0),
        (Fault::keep_and_disconnect(), "", 1),
        (Fault::answer_and_disconnect(), "250", 2),
    ] {
        sink.set_behaviour(SinkBehaviour::accepting().fault(fault));
        let mut client = Client::greeted(&sink).await;
        assert_eq!(client.mail("b@x.test", "\r\nhi").await, answer);
        assert_eq!(client.answer().await, "");
        assert_eq!(sink.received(), kept);
    }
    sink.set_behaviour(SinkBehaviour::accepting().fault(Fault::disconnect(Step::Connect)));
    assert_eq!(Client::without_greeting(&sink).await.answer().await, "");
    sink.set_behaviour(SinkBehaviour::accepting().fault(Fault::answer(Step::Connect, 554, "No")));
    assert_eq!(Client::without_greeting(&sink).await.answer().await, "554 No\r\n");
}

#[tokio::test]
async fn a_silent_sink_lets_the_client_wait() {
    let sink = Sink::start(SinkBehaviour::accepting().fault(Fault::silence(Step::Hello)))
        .await
        .unwrap();
    let mut client = Client::connect(&sink).await;
    client.send("EHLO x\r\n").await;
    let mut byte = [0];
    let waited = tokio::time::timeout(Duration::from_millis(30), client.stream.read(&mut byte)).await;
    assert!(waited.is_err(), "it answered {waited:?}");
}

#[tokio::test]
async fn a_stopped_sink_is_gone_and_can_come_back_at_its_port() {
    let sink = Sink::start(SinkBehaviour::accepting()).await.unwrap();
    let mut client = Client::greeted(&sink).await;
    assert_eq!(client.mail("b@x.test", "\r\nhi").await, "250");
    sink.stop().await;
    sink.stop().await;
    assert_eq!(client.answer().await, "");
    assert!(TcpStream::connect(sink.addr()).await.is_err());
    assert_eq!(sink.mails().len(), 1);
    let again = Sink::start_at(sink.addr(), SinkBehaviour::accepting())
        .await
        .unwrap();
    assert_eq!(
        Client::greeted(&again).await.mail("b@x.test", "\r\nhi").await,
        "250"
    );
}

#[tokio::test]
async fn only_loopback_is_served() {
    let fault = Sink::start_at("0.0.0.0:0".parse().unwrap(), SinkBehaviour::accepting())
        .await
        .err()
        .unwrap();
    assert_eq!(fault.kind(), io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn waiting_ends_with_the_mail_or_says_how_many_came() {
    let sink = Sink::start(SinkBehaviour::accepting().kept_max(2, 1 << 20))
        .await
        .unwrap();
    let short = Duration::from_millis(5);
    assert_eq!(
        sink.next_mail(short).await.unwrap_err(),
        NoMail {
            wanted: 1,
            received: 0,
            limit: short
        }
    );
    let mut client = Client::greeted(&sink).await;
    let (waited, ()) = tokio::join!(sink.wait_for(3, LIMIT), async {
        for text in ["\r\n1", "\r\n2", "\r\n3"] {
            assert_eq!(client.mail("b@x.test", text).await, "250");
        }
    });
    let kept: Vec<_> = waited
        .unwrap()
        .iter()
        .map(|mail| mail.text_part().unwrap())
        .collect();
    assert_eq!(kept, ["2\n", "3\n"]);
    assert_eq!(sink.next_mail(LIMIT).await.unwrap().text_part().unwrap(), "2\n");
    assert_eq!(sink.next_mail(LIMIT).await.unwrap().text_part().unwrap(), "3\n");
    let none = sink.wait_for(4, short).await.unwrap_err();
    assert_eq!(none.to_string(), "waited 5ms for mail number 4, but only 3 came");
}

#[tokio::test]
async fn a_real_client_signs_in_over_tls_and_its_mail_reads_as_an_independent_reader_reads_it() {
    let (server, _, der) = certificate();
    let behaviour = SinkBehaviour::accepting()
        .tls(SinkTls::StartTls(server))
        .credentials("me", "비밀");
    let sink = Sink::start(behaviour).await.unwrap();
    let trusted = lettre::transport::smtp::client::Certificate::from_der(der).unwrap();
    let tls = TlsParameters::builder("localhost".to_owned())
        .add_root_certificate(trusted)
        .build()
        .unwrap();
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(sink.addr().port())
        .tls(Tls::Required(tls))
        .credentials(Credentials::new("me".to_owned(), "비밀".to_owned()))
        .build();
    let token = "A".repeat(90);
    let text = format!(
        "안녕하세요.\n\nhttps://id.example.com/recover#t={token}&e=a%40b\n\n  ABCDE-01234\n.\nhttps://id.example.com/x#n=no\n"
    );
    let message = Message::builder()
        .from(Mailbox::new(None, "keyledger@x.test".parse().unwrap()))
        .to("b@x.test".parse().unwrap())
        .subject("비밀번호를 재설정하려면 이 메일의 링크를 열어 주세요, please")
        .multipart(MultiPart::alternative_plain_html(
            text.clone(),
            "<p lang=ko>안녕 = 하세요</p>".to_owned(),
        ))
        .unwrap();
    transport.send(message).await.unwrap();

    let mail = sink.next_mail(LIMIT).await.unwrap();
    let other = MessageParser::default().parse(&mail.raw).unwrap();
    assert_eq!(other.subject().unwrap(), mail.subject());
    assert_eq!(
        mail.subject(),
        "비밀번호를 재설정하려면 이 메일의 링크를 열어 주세요, please"
    );
    assert_eq!(
        other.body_text(0).unwrap().replace("\r\n", "\n").trim_end(),
        mail.text_part().unwrap().trim_end()
    );
    assert_eq!(mail.text_part().unwrap().trim_end(), text.trim_end());
    assert_eq!(
        other.body_html(0).unwrap().trim_end(),
        mail.html_part().unwrap().trim_end()
    );
    assert_eq!(mail.token().unwrap(), token);
    assert_eq!(
        mail.link().unwrap(),
        format!("https://id.example.com/recover#t={token}&e=a%40b")
    );
    assert_eq!(mail.not_me_link().unwrap(), "https://id.example.com/x#n=no");
    assert_eq!(mail.code().unwrap(), "ABCDE-01234");
    assert_eq!(mail.auth_user.as_deref(), Some("me"));
    assert!(mail.tls && mail.header("x-none").is_none());
    assert!(!format!("{mail:?}").contains(&token));
}

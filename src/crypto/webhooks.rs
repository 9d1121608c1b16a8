//! Secrets of webhooks, and what they sign: the symmetric scheme of Standard Webhooks
//! (<https://www.standardwebhooks.com>), which receivers have libraries for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::system::{Entropy, random_array};

/// What the text of a secret begins with.
const PREFIX: &str = "whsec_";

/// Draws a secret of 256 bits: `whsec_` and base64.
pub fn fresh_webhook_secret(entropy: &dyn Entropy) -> SecretString {
    let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(random_array(entropy));
    let mut text = String::with_capacity(PREFIX.len() + 44);
    text.push_str(PREFIX);
    STANDARD.encode_string(*bytes, &mut text);
    SecretString::from(text)
}

/// Signs a message: `v1,` and the base64 of HMAC-SHA256 over `id.seconds.body`. `None` if the text is no secret.
///
/// `seconds` are those since 1970 at which it is sent; an `id` has no full stop.
pub fn webhook_signature(secret: &SecretString, id: &str, seconds: i64, body: &[u8]) -> Option<String> {
    let encoded = secret.expose_secret().strip_prefix(PREFIX)?;
    let bytes = Zeroizing::new(STANDARD.decode(encoded).ok()?);
    let mut signer = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &bytes));
    for part in [id.as_bytes(), b".", seconds.to_string().as_bytes(), b".", body] {
        signer.update(part);
    }
    Some(format!("v1,{}", STANDARD.encode(signer.sign())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SeededEntropy;

    #[test]
    fn a32_a_message_is_signed_as_the_published_example_is() {
        // The example of the specification's reference libraries.
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signature = webhook_signature(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(
            signature.as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
    }

    #[test]
    fn a_fresh_secret_signs_and_another_text_does_not() {
        let entropy = SeededEntropy::new(1);
        let [one, other] = [(); 2].map(|()| fresh_webhook_secret(&entropy));
        let signed = |secret: &SecretString| webhook_signature(secret, "evt_1-2", 3, b"{}");
        assert!(one.expose_secret().starts_with(PREFIX) && one.expose_secret().len() == 50);
        assert!(signed(&one).is_some() && signed(&one) != signed(&other));
        assert_eq!(signed(&SecretString::from("sk_0123")), None);
        assert_eq!(signed(&SecretString::from("whsec_???")), None);
    }
}

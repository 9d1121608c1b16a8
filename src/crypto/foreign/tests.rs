use std::num::NonZeroUsize;
use std::sync::Arc;

use super::*;
use crate::crypto::keyring::{Keyring, SharedKeyring};
use crate::crypto::{PasswordPool, PoolSettings, Rehash, Verdict};
use crate::system::SeededEntropy;
use crate::types::{Lane, Timestamp};

/// Published vectors: the password, and what a program made of it.
const VECTORS: &[(&str, &str)] = &[
    // The reference implementation of Argon2 (test.c).
    (
        "password",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ),
    // jBCrypt (TestBCrypt.java).
    ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
    (
        "a",
        "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe",
    ),
    (
        "abc",
        "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
    ),
    // RFC 7914, section 12, as a PHC string.
    (
        "pleaseletmein",
        "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw",
    ),
    // RFC 7914, section 11, as a PHC string and in passlib's spelling.
    (
        "passwd",
        "$pbkdf2-sha256$i=1,l=64$c2FsdA$VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLxJypzM8Xm2RZkWZLOdd+8xfHG4RbHjC9UJESBB06GXgw",
    ),
    (
        "passwd",
        "$pbkdf2-sha256$1$c2FsdA$VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLxJypzM8Xm2RZkWZLOdd.8xfHG4RbHjC9UJESBB06GXgw",
    ),
    // RFC 6070, in Werkzeug's spelling.
    (
        "password",
        "pbkdf2:sha1:4096$salt$4b007901b765489abead49d926f721d065a429c1",
    ),
    // Django's own tests.
    (
        "l\u{e8}tmein",
        "pbkdf2_sha256$1000000$seasalt$r1uLUxoxpP2Ued/qxvmje7UH9PUJBkRrvf9gGPL7Cps=",
    ),
    (
        "l\u{e8}tmein",
        "scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
    ),
    (
        "l\u{e8}tmein",
        "sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8",
    ),
    ("l\u{e8}tmein", "md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3"),
    // RFC 1321 and FIPS 180, bare.
    ("abc", "900150983cd24fb0d6963f7d28e17f72"),
    ("abc", "A9993E364706816ABA3E25717850C26C9CD0D89D"),
    (
        "abc",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ),
    // OpenLDAP's slappasswd -h {SSHA}, and the same without salt.
    ("secret", "{SSHA}1G904nLkTkGWjKNnQuB/hpWXC/hzYWx0c2FsdA=="),
    ("abc", "{SHA}qZk+NkcGgWq6PiVxeFDCbJzQ2J0="),
];

fn foreign(text: &str) -> ForeignHash {
    ForeignHash::parse(text).unwrap_or_else(|fault| panic!("{text} {fault}"))
}

fn computed(of: &ForeignHash, password: &str) -> Zeroizing<Vec<u8>> {
    let mut memory = vec![Block::new(); of.recipe.blocks()];
    of.recipe.compute(password, &mut memory)
}

#[test]
fn p_12_what_other_programs_wrote_down_is_computed_as_they_do() {
    for (password, text) in VECTORS {
        let hash = foreign(text);
        assert_eq!(computed(&hash, password), hash.output, "{text}");
        assert_ne!(computed(&hash, "another"), hash.output, "{text}");
        let again = Recipe::parse(&hash.recipe.to_text());
        assert_eq!(again.as_ref(), Some(&hash.recipe), "{text}");
    }
}

#[test]
fn djangos_names_before_a_hash_change_nothing_of_it() {
    let bare = foreign("$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i");
    let named = foreign("bcrypt$$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i");
    assert_eq!(named.recipe, bare.recipe);
    let hashed_first = foreign("bcrypt_sha256$$2b$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i");
    let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(computed(&hashed_first, "abc"), computed(&bare, digits));
    let argon = "argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    assert_eq!(
        foreign(&format!("argon2${argon}")).recipe,
        foreign(&format!("${argon}")).recipe
    );
}

#[test]
fn p_12_what_would_cost_too_much_or_is_no_whole_hash_is_refused() {
    use ForeignFault::{Argon2, Bcrypt, Pbkdf2, Plain, Scrypt, Unknown};
    let argon = VECTORS[0].1;
    let crypt = VECTORS[2].1;
    let phc = VECTORS[4].1;
    let django = VECTORS[8].1;
    let cases = [
        (argon.replace("m=65536", "m=4194304"), Argon2),
        (argon.replace("t=2", "t=4000000"), Argon2),
        (argon.replace("v=19", "v=16"), Argon2),
        (argon.replace("p=1", "p=1,keyid=AAAABQ"), Argon2),
        (crypt.replace("$06$", "$31$"), Bcrypt),
        (crypt.replace("$06$", "$15$"), Bcrypt),
        (crypt.replace("$06$", "$03$"), Bcrypt),
        (crypt.replace("$2a$", "$2x$"), Bcrypt),
        (crypt[..59].to_owned(), Bcrypt),
        (phc.replace("ln=14", "ln=30"), Scrypt),
        (phc.replace("ln=14", "ln=18"), Scrypt),
        (phc.replace("p=1", "p=4294967295"), Scrypt),
        (phc.replace("ln=14,r=8", "r=8,ln=14"), Scrypt),
        (
            "scrypt$16383$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TA==".to_owned(),
            Scrypt,
        ),
        (
            "scrypt$1073741824$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TA==".to_owned(),
            Scrypt,
        ),
        (django.replace("1000000", "1000000000"), Pbkdf2),
        (django.replace("1000000", "0"), Pbkdf2),
        (django.replace("sha256", "md5"), Pbkdf2),
        (
            "pbkdf2:sha1:1000001$salt$4b007901b765489abead49d926f721d065a429c14b00".to_owned(),
            Pbkdf2,
        ),
        ("{SSHA}AAAA".to_owned(), Plain),
        ("{SHA}1G904nLkTkGWjKNnQuB/hpWXC/hzYWx0c2FsdA==".to_owned(), Plain),
        (
            format!("md5${}$3f86d0d3d465b7b458c231bf3555c0e3", "s".repeat(129)),
            Plain,
        ),
        ("{CRYPT}abc".to_owned(), Unknown),
        ("{".to_owned(), Unknown),
        (String::new(), Unknown),
        ("correct horse battery staple".to_owned(), Unknown),
        ("900150983cd24fb0d6963f7d28e17f7".to_owned(), Unknown),
        ("\u{ff10}".repeat(16), Unknown),
        ("0".repeat(600), Unknown),
    ];
    for (text, fault) in cases {
        assert_eq!(ForeignHash::parse(&text).err(), Some(fault), "{text}");
    }
}

fn pool() -> PasswordPool {
    let settings = PoolSettings {
        workers: NonZeroUsize::MIN,
        waiting_max: 64,
        params: PasswordParams::default(),
    };
    let ring = SharedKeyring::new(Keyring::fresh(Timestamp(0), &SeededEntropy::new(1)));
    PasswordPool::start(settings, ring, Arc::new(SeededEntropy::new(2))).unwrap()
}

#[tokio::test]
async fn p_12_a_weak_hash_is_kept_under_argon2id_only_and_due_for_one_of_ours() {
    let pool = pool();
    let digest = "900150983cd24fb0d6963f7d28e17f72";
    let kept = pool.layer(Lane::Proof, foreign(digest)).await.unwrap();
    let text = kept.expose_secret();
    assert!(
        text.starts_with("$layered$md5.salt-before,16,$argon2id$v=19$m=19456,t=2,p=1,keyid="),
        "{text}"
    );
    let bytes = Hash::Md5.compute(b"abc");
    assert!(!text.contains(digest) && !text.contains(&STANDARD_NO_PAD.encode(bytes.as_slice())));
    let verify = async |password: &str| {
        let kept = Some(kept.clone());
        pool.verify(Lane::Stranger, password.into(), kept).await.unwrap()
    };
    assert_eq!(verify("abc").await, Verdict::Right { rehash: Rehash::Due });
    assert_eq!(verify("abd").await, Verdict::Wrong);
    // What is kept is no password, and what is under it is none either.
    assert_eq!(verify(digest).await, Verdict::Wrong);
}

#[tokio::test]
async fn p_12_every_scheme_verifies_under_argon2id_however_the_password_is_spelt() {
    let pool = pool();
    for (password, text) in VECTORS {
        let kept = pool.layer(Lane::Proof, foreign(text)).await.unwrap();
        let verdict = pool
            .verify(Lane::Proof, (*password).into(), Some(kept.clone()))
            .await;
        assert_eq!(verdict, Ok(Verdict::Right { rehash: Rehash::Due }), "{text}");
        let wrong = pool.verify(Lane::Proof, "wrong".into(), Some(kept)).await;
        assert_eq!(wrong, Ok(Verdict::Wrong), "{text}");
    }
    // The other program hashed what was typed; a keyboard may type the same letter as two characters.
    let django = pool.layer(Lane::Proof, foreign(VECTORS[10].1)).await.unwrap();
    let verdict = pool
        .verify(Lane::Proof, "le\u{300}tmein".into(), Some(django))
        .await;
    assert_eq!(verdict, Ok(Verdict::Right { rehash: Rehash::Due }));
}

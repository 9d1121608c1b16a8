use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap_or_else(|fault| panic!("{text:?}: {fault}"))
}

fn fault(text: &str) -> EmailFault {
    EmailAddress::parse(text).expect_err(text)
}

#[test]
fn an_ordinary_address_keeps_its_tag_its_dots_and_its_case() {
    let one = address(" Jane.Doe+News@Example.ORG\t");
    assert_eq!(one.as_typed(), "Jane.Doe+News@example.org");
    assert_eq!(one.canonical(), "jane.doe+news@example.org");
    assert_eq!((one.local(), one.domain()), ("Jane.Doe+News", "example.org"));
    assert_ne!(one, address("janedoe@example.org"));
}

#[test]
fn an_address_of_a_host_under_a_reserved_top_level_is_an_address() {
    for text in [
        "a@b.test",
        "a@b.localhost",
        "a@b.invalid",
        "a@b.example",
        "o'neil/x=y@a-b.c1.de",
        "x@ab--cd.org",
    ] {
        address(text);
    }
}

#[test]
fn an_international_domain_is_kept_in_a_labels() {
    let one = address("Jürgen@MÜNCHEN.example");
    assert_eq!(one.as_typed(), "Jürgen@xn--mnchen-3ya.example");
    assert_eq!(one.canonical(), "jürgen@xn--mnchen-3ya.example");
    assert_eq!(one.domain_unicode(), "münchen.example");
    assert_eq!(one, address("JÜRGEN@xn--MNCHEN-3ya.example"));
    assert_eq!(address("메일@한국.kr").domain_unicode(), "한국.kr");
    assert_ne!(address("a@straße.de"), address("a@strasse.de"));
}

#[test]
fn every_fault_is_found_in_the_order_of_the_checks() {
    use EmailFault as F;
    let long_local = format!("{}@x.org", "a".repeat(65));
    let long = format!("a@{}.org", "b.".repeat(130));
    let long_label = format!("a@{}.org", "b".repeat(64));
    let cases: [(&str, F); 41] = [
        ("", F::Empty),
        (" \t ", F::Empty),
        (&long, F::TooLong),
        ("a\tb@x.org", F::ControlCharacter),
        ("a@x.org\u{7f}", F::ControlCharacter),
        ("a b@x.org", F::WhiteSpace),
        ("a@x.org\u{3000}", F::WhiteSpace),
        ("a@x.org;b@y.org", F::SeveralAddresses),
        ("a\u{200b}b@x.org", F::InvisibleCharacter),
        ("a@ex\u{ad}ample.org", F::InvisibleCharacter),
        ("\u{202e}a@x.org", F::InvisibleCharacter),
        ("\u{e000}@x.org", F::InvisibleCharacter),
        ("\u{378}@x.org", F::InvisibleCharacter),
        ("ﬁ@x.org", F::LookAlike),
        ("\"a b\"@x.org", F::WhiteSpace),
        ("\"ab\"@x.org", F::Quoted),
        ("<a@x.org>", F::Quoted),
        ("a(c)@x.org", F::Quoted),
        ("a@b@x.org", F::SeveralAddresses),
        ("x.org", F::NoAt),
        ("@x.org", F::LocalEmpty),
        (&long_local, F::LocalTooLong),
        (".a@x.org", F::LocalDots),
        ("a.@x.org", F::LocalDots),
        ("a..b@x.org", F::LocalDots),
        ("a[b@x.org", F::LocalCharacter),
        ("“a@x.org", F::LocalCharacter),
        ("\u{301}a@x.org", F::LocalCharacter),
        ("q\u{301}a@x.org", F::LocalCharacter),
        ("a@", F::DomainEmpty),
        ("a@[127.0.0.1]", F::DomainIsAddress),
        ("a@[IPv6:::1]", F::DomainIsAddress),
        ("a@127.0.0.1", F::DomainIsAddress),
        ("a@x.org.", F::DomainTrailingDot),
        ("a@localhost", F::DomainNotDotted),
        ("a@exa_mple.org", F::DomainInvalid),
        ("a@-x.org", F::DomainInvalid),
        ("a@.org", F::DomainInvalid),
        ("a@x..org", F::DomainInvalid),
        (&long_label, F::DomainInvalid),
        ("a@ex。ample.org", F::DomainLookAlike),
    ];
    for (text, expected) in cases {
        assert_eq!(fault(text), expected, "{text:?}");
    }
}

#[test]
fn a_reason_is_a_stable_code_of_its_own() {
    assert_eq!(fault("").reason(), "empty");
    assert_eq!(fault("a@localhost").reason(), "domain_not_dotted");
}

#[test]
fn r_09_a2_a_list_a_header_and_a_nul_are_not_an_address() {
    let long = format!("{}@{}.org", "a".repeat(60), "b".repeat(60).repeat(4));
    for text in [
        "a@x.org,b@y.org",
        "a@x.org, b@y.org",
        "a@x.org b@y.org",
        "a@x.org;b@y.org",
        "a@x.org\nBcc: b@y.org",
        "a@x.org\r\nBcc: b@y.org",
        "a@x.org\n",
        "\r\na@x.org",
        "a@x.org\0",
        "a\0@x.org",
        "a@x.org%0aBcc:b@y.org",
        "Name <a@x.org>",
        "mailto:a@x.org?cc=b@y.org",
        "[\"a@x.org\",\"b@y.org\"]",
        &long,
    ] {
        assert!(EmailAddress::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn r_10_one_canonical_form_decides_and_the_stored_form_is_sent_to() {
    let stored = address("Jane@example.org");
    let submitted = address("JANE@EXAMPLE.ORG");
    assert_eq!(stored, submitted);
    assert_eq!(stored.as_typed(), "Jane@example.org");
    assert_eq!(HashSet::from([stored, submitted]).len(), 1);
}

#[test]
fn r_11_a3_no_look_alike_has_the_canonical_form_of_an_ascii_account() {
    let victims = [
        address("kim.s@example.org"),
        address("mike@github.com"),
        address("ias@example.org"),
    ];
    for text in [
        "\u{212a}im.s@example.org", // Kelvin sign
        "kim.\u{17f}@example.org",  // long s
        "m\u{131}ke@github.com",    // dotless i
        "m\u{130}ke@github.com",    // dotted capital I
        "mike@g\u{131}thub.com",    // the same, in the domain
        "mike@G\u{130}THUB.com",
        "\u{ff4d}ike@github.com", // full width
        "mike@\u{ff47}ithub.com",
        "mike\u{ff20}github.com",
        "mike@github\u{ff0e}com",
        "mike@github\u{3002}com",
        "mike@github\u{ff61}com",
        "m\u{456}ke@github.com", // Cyrillic
        "mike@g\u{456}thub.com",
        "mi\u{301}ke@github.com", // combining
        "mi\u{34f}ke@github.com", // combining grapheme joiner
        "mike@git\u{200d}hub.com",
        "mike@github.com\u{200b}",
        "mike@xn--github-.com", // punycode that decodes to ASCII
        "mike@xn--github.com",
        "mike@xn--.com",
        "mike@XN--GITHUB-.com",
        "\u{aa}as@example.org",    // feminine ordinal
        "i\u{1d43}s@example.org",  // modifier letter
        "\u{24d8}as@example.org",  // circled
        "\u{1d422}as@example.org", // mathematical bold
    ] {
        if let Ok(other) = EmailAddress::parse(text) {
            assert!(victims.iter().all(|victim| *victim != other), "{text:?}");
            assert!(
                !other.canonical().is_ascii() || other.domain().contains("xn--"),
                "{text:?}"
            );
        }
    }
}

#[test]
fn a3_cve_2026_39821_an_a_label_that_hides_ascii_or_does_not_come_back_is_refused() {
    for label in [
        "xn--a-",
        "xn--example-",
        "xn--",
        "xn--a",
        "xn--xn--a-",
        "xn--mnchen-3yA-",
        "xn--MNCHEN-3y",
        "xn--zca-",
    ] {
        let text = format!("a@{label}.com");
        assert!(EmailAddress::parse(&text).is_err(), "{text}");
    }
}

#[test]
fn a3_no_character_outside_ascii_becomes_one_inside_it() {
    for c in ('\u{80}'..=char::MAX).filter(|&c| !is_invisible(c) && !is_look_alike(c)) {
        let Ok(local) = parse_local(&c.to_string()) else {
            continue;
        };
        let small = lower(&local);
        assert!(!small.contains(|c: char| c.is_ascii()), "{c:?} becomes {small:?}");
        assert_eq!(lower(&small), small, "{c:?}");
        assert_eq!(parse_local(&small).as_ref(), Ok(&small), "{c:?}");
        assert!(!small.contains(is_look_alike), "{c:?}");
    }
}

#[test]
fn a18_every_spelling_of_one_mailbox_is_one_key() {
    let keys: HashSet<String> = [
        "Jane@example.org",
        "jane@EXAMPLE.org",
        " jane@example.org ",
        "\tJANE@Example.Org",
    ]
    .into_iter()
    .map(|text| address(text).canonical().to_owned())
    .collect();
    assert_eq!(keys, HashSet::from(["jane@example.org".to_owned()]));
    assert_eq!(address("a@J\u{30c}o.org"), address("a@\u{1f0}o.org"));
    assert_eq!(address("e\u{301}@x.org"), address("\u{c9}@x.org"));
}

#[test]
fn l_02_debug_and_the_mask_do_not_show_the_address() {
    let one = address("jane.doe@mail.example.com");
    assert_eq!(one.masked(), "j…@m…e.com");
    assert_eq!(format!("{one:?}"), "EmailAddress(j…@m…e.com)");
    assert_eq!(address("j@x.org").masked(), "j…@x…x.org");
}

/// Addresses, near-addresses and noise.
fn text() -> impl Strategy<Value = String> {
    let label = "([a-zA-Z0-9]{1,8}|[äÖßσΣς가한日本ёЁ]{1,6}|xn--[a-z0-9-]{1,12}|\\PC{1,6})";
    let local = "([a-zA-Z0-9.+_-]{1,12}|[äÖßİıǰJ\u{30c}\u{301}σΣςȺẞ가ёЁ]{1,8}|\\PC{1,10})";
    prop_oneof![
        4 => (local, proptest::collection::vec(label, 1..4))
            .prop_map(|(local, labels)| format!("{local}@{}.org", labels.join("."))),
        1 => ".{0,80}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_canonical_form_is_its_own_canonical_form(text in text()) {
        if let Ok(one) = EmailAddress::parse(&text) {
            let again = EmailAddress::parse(one.canonical());
            prop_assert!(again.is_ok(), "{:?} of {text:?}", one.canonical());
            let again = again.unwrap();
            prop_assert_eq!(again.canonical(), one.canonical());
            prop_assert_eq!(again.as_typed(), one.canonical());
            prop_assert_eq!(again, one);
        }
    }

    #[test]
    fn the_stored_form_reads_back_as_itself(text in text()) {
        if let Ok(one) = EmailAddress::parse(&text) {
            let again = EmailAddress::parse(one.as_typed()).expect("what was stored is an address");
            prop_assert_eq!(again.as_typed(), one.as_typed());
            prop_assert_eq!(again.canonical(), one.canonical());
            prop_assert!(one.as_typed().len() <= EmailAddress::BYTES_MAX);
            prop_assert!(one.local().len() <= EmailAddress::LOCAL_BYTES_MAX);
            prop_assert!(one.domain().is_ascii());
        }
    }

    #[test]
    fn a3_an_address_outside_ascii_is_never_one_inside_it(text in text()) {
        if let Ok(one) = EmailAddress::parse(&text) && !text.is_ascii() {
            prop_assert!(!one.canonical().is_ascii() || one.canonical().contains("xn--"));
        }
    }
}

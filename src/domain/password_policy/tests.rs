use proptest::prelude::*;
use secrecy::SecretString;

use super::*;
use crate::types::{EmailAddress, Locale, PersonName, Username};

const NOBODY: PasswordContext<'_> = PasswordContext {
    addresses: &[],
    name: None,
    username: None,
    brand: "Keyledger",
    mailed: &[],
    history_hits: 0,
};

fn codes(policy: &PasswordPolicy, password: &str) -> Vec<&'static str> {
    codes_of(policy, password, &NOBODY)
}

fn codes_of(policy: &PasswordPolicy, password: &str, context: &PasswordContext<'_>) -> Vec<&'static str> {
    policy
        .broken_rules(password, context)
        .iter()
        .map(Rule::code)
        .collect()
}

fn changed(change: impl FnOnce(&mut PasswordPolicySettings)) -> Result<PasswordPolicy, PolicyFault> {
    let mut settings = PasswordPolicySettings::named("house");
    change(&mut settings);
    PasswordPolicy::checked(settings)
}

#[test]
fn classic_names_every_broken_rule_at_once() {
    let classic = PasswordPolicy::classic();
    assert_eq!(
        codes(&classic, ""),
        [
            "length_min",
            "amount_uppercase",
            "amount_lowercase",
            "amount_digits",
            "amount_symbols"
        ]
    );
    assert_eq!(
        codes(&classic, "qjz"),
        [
            "length_min",
            "amount_uppercase",
            "amount_digits",
            "amount_symbols"
        ]
    );
    assert_eq!(codes(&classic, "ABCDEFGH1!"), ["amount_lowercase"]);
    assert_eq!(
        codes(&classic, "password"),
        ["amount_uppercase", "amount_digits", "amount_symbols", "breached"]
    );
    assert!(codes(&classic, "Tr0ub4dor&3").is_empty());
    assert!(
        codes(&classic, "Ünïcödé 7x").is_empty(),
        "a space is a symbol, Ü an uppercase letter"
    );
}

#[test]
fn the_format_and_the_leak_are_told_apart() {
    let classic = PasswordPolicy::classic();
    assert!(classic.format_rules("P@ssw0rd", &NOBODY).is_empty());
    assert!(classic.is_breached("P@ssw0rd"));
    assert_eq!(classic.broken_rules("P@ssw0rd", &NOBODY), [Rule::Breached]);
    let lenient = changed(|s| s.check_breached = false).unwrap();
    assert!(!lenient.is_breached("P@ssw0rd"));
}

#[test]
fn p_01_nist_asks_for_15_characters() {
    let nist = PasswordPolicy::nist();
    assert_eq!(codes(&nist, "fourteen chars"), ["length_min"]);
    assert!(codes(&nist, "fifteen chars ok").is_empty());
    assert_eq!(nist.settings().length_min, 15);
}

#[test]
fn p_02_256_characters_pass_and_one_more_does_not() {
    for policy in [PasswordPolicy::nist(), PasswordPolicy::classic()] {
        let start = "Aa1!";
        assert!(codes(&policy, &format!("{start}{}", "x".repeat(252))).is_empty());
        assert!(codes(&policy, &format!("{start}{}", "😀".repeat(252))).is_empty());
        assert!(codes(&policy, &format!("{start}{}", "e\u{301}".repeat(252))).is_empty());
        assert_eq!(
            codes(&policy, &format!("{start}{}", "x".repeat(253))),
            ["length_max"]
        );
        assert_eq!(codes(&policy, &"x".repeat(10_000_000)), ["length_max"]);
        assert!(!policy.is_breached(&"x".repeat(10_000_000)));
    }
    assert!(changed(|s| s.length_max = 63).is_err(), "64 must always fit");
}

#[test]
fn p_02_nothing_is_cut_off_or_trimmed() {
    let long = "x".repeat(72);
    let forms = [
        long.clone(),
        format!("{long}y"),
        format!("{long}\0"),
        format!("{long}\0y"),
        format!(" {long}"),
        format!("{long} "),
    ];
    for (at, one) in forms.iter().enumerate() {
        assert!(codes(&PasswordPolicy::nist(), one).is_empty(), "{at}");
        assert!(
            forms[at + 1..]
                .iter()
                .all(|other| normalized(one) != normalized(other)),
            "{at}"
        );
    }
}

#[test]
fn p_03_a_code_point_counts_one_after_nfc() {
    let eight = changed(|_| ()).unwrap();
    for password in [
        "😀😁😂🤣😃😄😅😆",
        "비밀번호여덟글자",
        "a b c d ",
        "\0\0\0\0\0\0\0\0",
        "𝕏ßçñøæþð",
    ] {
        assert!(codes(&eight, password).is_empty(), "{password:?}");
    }
    assert_eq!(codes(&eight, "😀😁😂🤣😃😄😅"), ["length_min"]);
    assert_eq!(codes(&eight, &"e\u{301}".repeat(7)), ["length_min"]);
    assert!(codes(&eight, &"e\u{301}".repeat(8)).is_empty());
    assert_eq!(*normalized("e\u{301}"), *normalized("\u{e9}"));
    assert_ne!(*normalized("ｅ"), *normalized("e"));
}

#[test]
fn p_04_nist_has_no_composition_rules() {
    let nist = PasswordPolicy::nist();
    for password in [
        "qzjvkwpxmbtrghy",
        "             . ",
        "849302716650394",
        "ÄÖÜÄÖÜÄÖÜÄÖÜÄÖÜ",
    ] {
        assert!(codes(&nist, password).is_empty(), "{password:?}");
    }
    let codes: Vec<_> = nist.rules().iter().map(Rule::code).collect();
    assert_eq!(codes, ["length_min", "length_max", "context", "breached"]);
}

#[test]
fn p_06_words_about_the_person_and_the_service_are_refused() {
    let addresses = [
        EmailAddress::parse("ada.byron@analytical.example").unwrap(),
        EmailAddress::parse("x@münchen.example").unwrap(),
    ];
    let name = PersonName::parse("Ada Lovelace").unwrap();
    let username = Username::parse("countess").unwrap();
    let context = PasswordContext {
        addresses: &addresses,
        name: Some(&name),
        username: Some(&username),
        brand: "Keyledger",
        mailed: &[],
        history_hits: 0,
    };
    let policy = changed(|_| ()).unwrap();
    for password in [
        "ada.byron@analytical.example",
        "ADA.BYRON@ANALYTICAL.EXAMPLE",
        "Ada Lovelace",
        "Lovelace1!",
        "lovelaceADA2026",
        "Byron-byron-1",
        "A.n.a.l.y.t.i.c.a.l",
        "München!2026",
        "Countess99",
        "Keyledger!1",
        "KeyledgerLovelace2026!!!",
        "!!!ada!!!",
    ] {
        let expected: &[&str] = if password == "!!!ada!!!" {
            &[]
        } else {
            &["context"]
        };
        assert_eq!(codes_of(&policy, password, &context), expected, "{password}");
    }
    for password in [
        "Lovelace met the Difference Engine",
        "adamant tea kettle",
        "my ledger, your keys",
        "analytical-horse-battery",
    ] {
        assert!(codes_of(&policy, password, &context).is_empty(), "{password}");
    }
    let off = changed(|s| s.check_context = false).unwrap();
    assert!(codes_of(&off, "Lovelace1!", &context).is_empty());
}

#[test]
fn p_06_a_short_name_in_another_script_is_a_word() {
    let name = PersonName::parse("김철수").unwrap();
    let context = PasswordContext {
        name: Some(&name),
        ..NOBODY
    };
    let policy = changed(|_| ()).unwrap();
    assert_eq!(codes_of(&policy, "김철수김철수12", &context), ["context"]);
    assert!(codes_of(&policy, "김철수의 하루는 길었다", &context).is_empty());
}

#[test]
fn p_06_a_leaked_password_is_refused_whole_with_a_reason() {
    for policy in [PasswordPolicy::classic(), PasswordPolicy::nist()] {
        assert!(policy.is_breached("P@ssw0rd") && policy.is_breached("QWERTYUIOP"));
        assert!(!policy.is_breached("my password is not qwertyuiop"));
    }
    assert!(Rule::Breached.message(Locale::En).contains("leaked"));
    assert!(Rule::Breached.message(Locale::Ko).contains("유출"));
}

#[test]
fn p_06_of_the_built_in_list_3_000_passwords_meet_each_preset_in_some_spelling_and_are_refused() {
    for preset in [PasswordPolicy::classic(), PasswordPolicy::nist()] {
        let refused = common_passwords::all().filter(|password| {
            let mut capital = (*password).to_owned();
            if let Some(at) = password.find(|letter: char| letter.is_ascii_lowercase()) {
                capital[at..=at].make_ascii_uppercase();
            }
            [*password, &capital].iter().any(|typed| {
                preset.format_rules(typed, &NOBODY).is_empty()
                    && preset.broken_rules(typed, &NOBODY) == [Rule::Breached]
            })
        });
        let name = &preset.settings().name;
        assert!(refused.count() >= 3_000, "{name}");
    }
}

#[test]
fn p_07_the_online_check_is_off_unless_the_policy_asks_and_is_announced_like_the_lists() {
    for preset in [PasswordPolicy::classic(), PasswordPolicy::nist()] {
        assert_eq!(preset.online_check(), None);
    }
    let online = changed(|s| {
        (s.check_breached, s.check_have_i_been_pwned, s.hibp_allowed_count) = (false, true, 9);
    })
    .unwrap();
    let check = online.online_check().unwrap();
    assert_eq!(
        (check.url.to_string().as_str(), check.allowed_count),
        (HIBP_URL_DEFAULT, 9)
    );
    assert!(online.rules().contains(&Rule::Breached));
}

#[test]
fn p_06_lists_are_asked_for_a_password_as_typed_and_in_lower_case() {
    let asked = |password| {
        let asked = spellings(password);
        asked.iter().map(|one| one.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(asked("P@ssw0rd"), ["P@ssw0rd", "p@ssw0rd"]);
    assert_eq!(asked("p@ssw0rd"), ["p@ssw0rd"]);
    assert_eq!(asked("E\u{301}TE\u{301}"), ["\u{c9}T\u{c9}", "\u{e9}t\u{e9}"]);
    assert!(asked(&"x".repeat(BYTES_MAX + 1)).is_empty());
}

#[test]
fn history_counts_only_if_the_policy_asks() {
    let context = PasswordContext {
        history_hits: 1,
        ..NOBODY
    };
    let three = changed(|s| s.history = 3).unwrap();
    assert_eq!(codes_of(&three, "kettle-moon-73", &context), ["history"]);
    assert!(codes(&three, "kettle-moon-73").is_empty());
    assert!(codes_of(&changed(|_| ()).unwrap(), "kettle-moon-73", &context).is_empty());
}

#[test]
fn zxcvbn_refuses_what_is_easy_to_guess() {
    let policy = changed(|s| s.check_zxcvbn = true).unwrap();
    assert_eq!(codes(&policy, "zxcvbn12"), ["zxcvbn"]);
    assert!(codes(&policy, "kettle-moon-orbit-73").is_empty());
    assert!(codes(&policy, &"kettle-moon-😀".repeat(19)).is_empty());
}

#[test]
fn without_static_rules_only_the_empty_and_the_too_long_password_fail() {
    let policy = changed(|s| (s.check_static_rules, s.amount_digits) = (false, 3)).unwrap();
    assert!(codes(&policy, "qz").is_empty());
    assert_eq!(codes(&policy, ""), ["length_min"]);
    assert_eq!(codes(&policy, &"x".repeat(257)), ["length_max"]);
}

#[test]
fn the_operators_own_symbols_are_the_ones_that_count() {
    let policy = changed(|s| (s.amount_symbols, s.symbol_charset) = (2, "€§".into())).unwrap();
    assert_eq!(codes(&policy, "kettle!!moon§"), ["amount_symbols"]);
    assert!(codes(&policy, "kettle€moon§").is_empty());
    let rule = &policy.broken_rules("kettle moon", &NOBODY)[0];
    assert_eq!(
        rule.message(Locale::En),
        "Include at least 2 symbols out of these: €§"
    );
}

#[test]
fn a_policy_that_nothing_can_meet_is_refused_with_field_and_remedy() {
    type Change = fn(&mut PasswordPolicySettings);
    let cases: [(Change, &str); 14] = [
        (|s| s.name = String::new(), "name"),
        (|s| s.name = "a\nb".into(), "name"),
        (|s| s.length_min = 7, "length_min"),
        (|s| s.length_min = 257, "length_min"),
        (|s| s.length_max = 257, "length_max"),
        (|s| (s.length_min, s.length_max) = (65, 64), "length_min"),
        (
            |s| (s.length_max, s.amount_digits, s.amount_symbols) = (64, 60, 5),
            "amount_symbols",
        ),
        (
            |s| (s.amount_symbols, s.symbol_charset) = (1, String::new()),
            "symbol_charset",
        ),
        (|s| s.symbol_charset = "!a".into(), "symbol_charset"),
        (|s| s.symbol_charset = "!\0".into(), "symbol_charset"),
        (|s| s.error_message = "x".repeat(501), "error_message"),
        (|s| s.zxcvbn_score_threshold = 4, "zxcvbn_score_threshold"),
        (|s| s.history = 25, "history"),
        (|s| s.hibp_url = "http://ranges.example.org".into(), "hibp_url"),
    ];
    for (change, field) in cases {
        let fault = changed(change).unwrap_err();
        assert_eq!(fault.field, field);
        assert!(!fault.remedy.is_empty() && fault.to_string().starts_with(field));
    }
}

#[test]
fn the_presets_are_policies_and_are_found_by_name() {
    for preset in [PasswordPolicy::classic(), PasswordPolicy::nist()] {
        assert_eq!(
            PasswordPolicy::checked(preset.settings().clone()),
            Ok(preset.clone())
        );
        assert_eq!(PasswordPolicy::preset(&preset.settings().name), Some(preset));
    }
    assert_eq!(PasswordPolicy::preset("other"), None);
}

#[test]
fn every_rule_says_what_to_do_in_both_languages() {
    let all = changed(|s| {
        (
            s.amount_uppercase,
            s.amount_lowercase,
            s.amount_digits,
            s.amount_symbols,
        ) = (1, 2, 3, 4);
        (s.check_zxcvbn, s.history) = (true, 5);
    })
    .unwrap();
    let english: Vec<_> = all.rules().iter().map(|rule| rule.message(Locale::En)).collect();
    insta::assert_snapshot!(english.join("\n"), @r"
    Use at least 8 characters.
    Use at most 256 characters.
    Include at least 1 uppercase letter.
    Include at least 2 lowercase letters.
    Include at least 3 digits.
    Include at least 4 symbols, such as ! ? # - or a space.
    Do not build it from your name, your address or this service's name: others guess those first.
    Choose a password other than your last 5.
    This is easy to guess. Add a few unrelated words.
    This password is on lists of leaked passwords. Choose another one, such as a few unrelated words.
    ");
    let korean: Vec<_> = all.rules().iter().map(|rule| rule.message(Locale::Ko)).collect();
    insta::assert_snapshot!(korean.join("\n"), @r"
    8자 이상 입력하세요.
    256자 이하로 입력하세요.
    대문자를 1자 이상 넣으세요.
    소문자를 2자 이상 넣으세요.
    숫자를 3자 이상 넣으세요.
    특수문자(! ? # - 또는 공백 등)를 4자 이상 넣으세요.
    이름, 이메일 주소, 서비스 이름으로 만들지 마세요. 다른 사람이 가장 먼저 추측합니다.
    최근에 사용한 비밀번호 5개와 다른 비밀번호를 선택하세요.
    추측하기 쉬운 비밀번호입니다. 서로 관련 없는 단어를 몇 개 더 넣으세요.
    유출된 비밀번호 목록에 있습니다. 서로 관련 없는 단어 몇 개를 이어 쓰는 등 다른 비밀번호를 선택하세요.
    ");
}

proptest! {
    #[test]
    fn a_password_and_its_decomposed_spelling_are_judged_alike(password in "\\PC{0,40}") {
        let other: String = password.nfd().collect();
        for policy in [PasswordPolicy::classic(), PasswordPolicy::nist()] {
            prop_assert_eq!(policy.broken_rules(&password, &NOBODY), policy.broken_rules(&other, &NOBODY));
        }
    }

    #[test]
    fn any_text_is_judged_without_a_panic(password in ".{0,300}") {
        let policy = changed(|s| s.check_zxcvbn = true).unwrap();
        policy.broken_rules(&password, &NOBODY);
    }
}

#[test]
fn r_47_a_mailed_secret_is_refused_as_a_password_whatever_the_policy_checks() {
    let mailed = [
        SecretString::from("AbCd_12-efGHIjklMNOP"),
        SecretString::from("ABCDE-12345"),
    ];
    let context = PasswordContext {
        mailed: &mailed,
        ..NOBODY
    };
    let policy = changed(|s| s.check_context = false).unwrap();
    for password in [
        "AbCd_12-efGHIjklMNOP",
        "ABCDE-12345",
        "abcde 12345",
        "Abcde12345!",
        "my-ABCDE-12345-new",
    ] {
        assert_eq!(codes_of(&policy, password, &context), ["mailed"], "{password}");
    }
    assert!(codes_of(&policy, "ABCDE-1234 and 5", &context).is_empty());
    assert!(codes(&policy, "ABCDE-12345").is_empty());
}

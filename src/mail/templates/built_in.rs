//! The templates that are compiled in.

macro_rules! source {
    ($name:expr) => {
        (
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/mail/", $name)),
        )
    };
}

macro_rules! sources {
    ($($mail:literal)*) => {
        &[
            source!("layout.html"),
            source!("button.html"),
            source!("en/details.txt"),
            source!("en/details.html"),
            source!("ko/details.txt"),
            source!("ko/details.html"),
            $(
                source!(concat!("en/", $mail, "/subject.txt")),
                source!(concat!("en/", $mail, "/body.txt")),
                source!(concat!("en/", $mail, "/body.html")),
                source!(concat!("ko/", $mail, "/subject.txt")),
                source!(concat!("ko/", $mail, "/body.txt")),
                source!(concat!("ko/", $mail, "/body.html")),
            )*
        ]
    };
}

/// Names and texts of all built-in templates.
pub(super) const SOURCES: &[(&str, &str)] = sources! {
    "password_reset"
    "password_changed"
    "email_verification"
    "account_exists"
    "account_closing"
    "admin_recovery"
    "sessions_revoked"
    "test"
    "email_otp"
    "factor_changed"
    "second_factor_failed"
    "address_changed"
    "new_sign_in"
    "objection_raised"
    "backup_failed"
    "checkpoint"
    "invitation"
};

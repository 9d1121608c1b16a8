//! stub
#![allow(missing_docs)]
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PasswordPolicy {
    pub name: String, pub length_min: u16, pub length_max: u16, pub amount_uppercase: u16, pub amount_lowercase: u16,
    pub amount_digits: u16, pub amount_symbols: u16, pub symbol_charset: String, pub error_message: String,
    pub check_static_rules: bool, pub check_breached: bool, pub check_zxcvbn: bool, pub zxcvbn_score_threshold: u8,
    pub check_context: bool, pub history: u16,
}

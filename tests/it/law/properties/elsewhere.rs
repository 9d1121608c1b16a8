//! Events that random lives of people do not meet.

/// What administrators and workers note about the house itself.
pub(super) const ELSEWHERE: &[&str] = &[
    "ApiKeyConfirmed",
    "ApiKeyCreated",
    "ApiKeyRevoked",
    "ApiKeyUsed",
    "BindingRemoved",
    "BindingSaved",
    "CheckpointKeyNamed",
    "CheckpointKeyRotated",
    "ClockAccepted",
    "ExpressionSaved",
    "FlowRemoved",
    "FlowRenamed",
    "FlowSaved",
    "KeyRotated",
    "MailEnded",
    "MasterKeyReplaced",
    "PolicyRemoved",
    "PolicyRenamed",
    "PolicySaved",
    "StageRemoved",
    "StageRenamed",
    "StageSaved",
    "Suppressed",
    "VerifierUpgraded",
];

//! The whole house, put together from configuration.

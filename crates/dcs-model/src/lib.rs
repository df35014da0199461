//! dcs-model

//! dcs-zk

//! The data operations against a real server.

use std::time::Duration;

use zk_session::{Acl, Client, CreateMode, ErrorCode};
use zk_testkit::Ensemble;

#[tokio::test]
async fn create_read_write_delete() {
    let ensemble = Ensemble::builder().servers(1).start().await.unwrap();
    let client = Client::builder(&ensemble.connect_string()).unwrap().build();
    let (path, created) = client.create("/a", "one", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    assert_eq!((path.as_str(), created.version), ("/a", 0));
    let (data, stat) = client.get_data("/a").await.unwrap();
    assert_eq!((data.as_ref(), stat), (b"one".as_ref(), created));
    let error = client.set_data("/a", "two", Some(7)).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::BAD_VERSION));
    assert_eq!(client.set_data("/a", "two", Some(0)).await.unwrap().version, 1);
    assert_eq!(client.get_children("/").await.unwrap().0.len(), 2);
    client.delete("/a", Some(1)).await.unwrap();
    assert_eq!(client.exists("/a").await.unwrap(), None);
    client.close().await;
    let started = std::time::Instant::now();
    assert!(client.exists("/a").await.is_err());
    assert!(started.elapsed() < Duration::from_millis(100));
}

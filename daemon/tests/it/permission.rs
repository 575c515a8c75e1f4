//! Who may change the cluster.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value as Json, json};

use crate::daemon::{Daemon, quoted};

/// Seconds since 1970, far ahead.
const LATER: i64 = 4_000_000_000;

fn jwt(key: &SigningKey, claims: &Json) -> String {
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","typ":"JWT"}"#);
    let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// Asks for something that is refused for another reason once it is permitted: 404.
async fn remove_stranger(daemon: &Daemon, authorization: Option<&str>) -> (u16, String) {
    let path = "/cluster/members/00000000-0000-4000-8000-000000000001";
    let headers: Vec<_> = authorization.iter().map(|a| ("Authorization", *a)).collect();
    let answer = daemon.ask_with("DELETE", path, &headers, b"").await;
    (answer.status, answer.error())
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_need_the_token_of_the_data_directory() {
    let daemon = Daemon::start().await;
    let (status, text) = remove_stranger(&daemon, None).await;
    assert_eq!(status, 401);
    let file = daemon.path("data/admin.token").display().to_string();
    assert!(text.contains(&file), "it says where the token is: {text}");
    for wrong in ["Bearer x", "Bearer ", "Basic eDp4", "Bearer a.b.c"] {
        assert_eq!(remove_stranger(&daemon, Some(wrong)).await.0, 401, "{wrong}");
    }
    let token = format!("Bearer {}", daemon.token());
    assert_eq!(remove_stranger(&daemon, Some(&token)).await.0, 404);
    let body = json!({"rpc-address": "127.0.0.1:1"}).to_string();
    let answer = daemon.ask("POST", "/cluster/members", &body).await;
    assert_eq!(answer.status, 401, "adding needs it, too");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(file).expect("there").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(daemon.get("/cluster").await["state"], "uninitialized", "looking is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_keys_sign_for_one_cluster_and_a_while() {
    let (key, stranger) = (SigningKey::from_bytes(&[7; 32]), SigningKey::from_bytes(&[8; 32]));
    let public = STANDARD.encode(key.verifying_key().to_bytes());
    let daemon = Daemon::with(&[("[cluster]", "admin-keys", &format!("[\"{public}\"]"))]).await;
    let cluster = daemon.get("/cluster").await["cluster-id"].clone();
    let good = json!({"aud": cluster, "exp": LATER});
    for (token, status, why) in [
        (jwt(&key, &good), 404, ""),
        (jwt(&key, &json!({"aud": [cluster], "exp": LATER})), 404, ""),
        (jwt(&stranger, &good), 401, "signed by no admin key"),
        (jwt(&key, &json!({"aud": "another", "exp": LATER})), 401, "for another cluster"),
        (jwt(&key, &json!({"aud": cluster, "exp": 1})), 401, "has expired"),
        (jwt(&key, &json!({"aud": cluster})), 401, "unreadable"),
    ] {
        let (got, text) = remove_stranger(&daemon, Some(&format!("Bearer {token}"))).await;
        assert_eq!(got, status, "{text}");
        assert!(text.contains(why), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_reads_the_file_of_admin_keys_again() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let mut daemon = Daemon::prepare();
    daemon.put("admin-keys", "");
    let file = quoted(&daemon.path("admin-keys"));
    daemon.set("[cluster]", "admin-keys-file", &file);
    daemon.run().await;
    let cluster = daemon.get("/cluster").await["cluster-id"].clone();
    let token = format!("Bearer {}", jwt(&key, &json!({"aud": cluster, "exp": LATER})));
    assert_eq!(remove_stranger(&daemon, Some(&token)).await.0, 401);
    daemon.put("admin-keys", &STANDARD.encode(key.verifying_key().to_bytes()));
    daemon.handle().reload().await;
    assert_eq!(remove_stranger(&daemon, Some(&token)).await.0, 404);
    daemon.put("admin-keys", "no key");
    daemon.handle().reload().await;
    assert_eq!(remove_stranger(&daemon, Some(&token)).await.0, 404, "a bad file changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_cluster_asks_nobody() {
    let open = ("[cluster]", "allow-unauthenticated-changes", "true");
    let daemon = Daemon::with(&[open]).await;
    assert_eq!(remove_stranger(&daemon, None).await.0, 404);
}

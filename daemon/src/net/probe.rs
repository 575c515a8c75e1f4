//! Dials an advertised address: of a joiner, before it is added, and of members when somebody asks how
//! they are reached.

use std::io;
use std::time::Duration;

use gossip::Service;
use member::Unanswered;
use model::MemberId;
use rpc::{Header, Reply, Request};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::call::Caller;
use super::resolve;

/// What dials are made with.
#[derive(Clone)]
pub(crate) struct Dialer {
    pub(crate) caller: Caller,
    /// For API addresses.
    pub(crate) api: reqwest::Client,
    /// Who we are, for a hello.
    pub(crate) header: Header,
}

impl Dialer {
    /// Nothing when the right one answers; else in a few words what is wrong.
    pub(crate) async fn probe(
        &self,
        service: Service,
        address: &str,
        member: MemberId,
        deadline: Duration,
    ) -> Result<(), Unanswered> {
        let because = |why| Unanswered { refused: false, why };
        let dial = async {
            match service {
                Service::Gossip => gossip(address).await,
                Service::Rpc => rpc(&self.caller, address, member, &self.header, deadline)
                    .await
                    .map_err(because),
                Service::Api => http(&self.api, address).await.map_err(because),
            }
        };
        let late = |_| Err(because(format!("no answer within {deadline:?}")));
        timeout(deadline, dial).await.unwrap_or_else(late)
    }
}

async fn gossip(address: &str) -> Result<(), Unanswered> {
    let unanswered = |error: io::Error| Unanswered {
        refused: error.kind() == io::ErrorKind::ConnectionRefused,
        why: error.to_string(),
    };
    let address = resolve(address).await.map_err(unanswered)?;
    TcpStream::connect(address).await.map(|_| ()).map_err(unanswered)
}

async fn rpc(
    caller: &Caller,
    address: &str,
    member: MemberId,
    header: &Header,
    deadline: Duration,
) -> Result<(), String> {
    let hello = rpc::Hello { versions: (rpc::OLDEST_VERSION, rpc::VERSION) };
    let answer = caller.call(address, header, &Request::Hello(hello), deadline).await;
    match answer {
        Ok(Ok(Reply::Hello(reply))) if reply.hello.member == member => Ok(()),
        Ok(Ok(Reply::Hello(reply))) => Err(format!("member {} answers there", reply.hello.member)),
        Ok(Ok(_)) => Err("it answers something else".to_owned()),
        Ok(Err(refusal)) => Err(refusal.to_string()),
        Err(
            member::CallError::Unreachable(why)
            | member::CallError::Lost(why)
            | member::CallError::NotRpc(why),
        ) => Err(why),
    }
}

async fn http(api: &reqwest::Client, address: &str) -> Result<(), String> {
    let mut why = String::new();
    for scheme in ["http", "https"] {
        match api.get(format!("{scheme}://{address}/kapacitor/v1/ping")).send().await {
            // Whoever wants a login is a member that asks for one.
            Ok(answer) if answer.status().is_success() || answer.status() == 401 => return Ok(()),
            Ok(answer) => why = format!("it answered HTTP {}", answer.status().as_u16()),
            Err(error) if why.is_empty() => why = crate::deliver::post::causes(error),
            Err(_) => {}
        }
    }
    Err(why)
}

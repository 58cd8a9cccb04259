//! Every RPC, by a client that knows only what the daemon tells of itself by reflection (CTL-1).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use musicfs::control::{Client, Connection};
use musicfs::state::StateDir;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    Value,
};
use proto::v1;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request, Status};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::world::{World, flac, not_tested};

/// How long a call may take here; streams that go on are ended by it.
const DEADLINE: Duration = Duration::from_secs(2);

/// Messages of a method that is known by its description alone.
struct Described(MethodDescriptor);

impl Codec for Described {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self(self.0.clone())
    }

    fn decoder(&mut self) -> Self {
        Self(self.0.clone())
    }
}

impl Encoder for Described {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(to).unwrap();
        Ok(())
    }
}

impl Decoder for Described {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let message = DynamicMessage::decode(self.0.output(), from);
        Ok(Some(message.unwrap()))
    }
}

/// Asks for one thing by reflection.
async fn reflected(
    client: &mut ServerReflectionClient<Connection>,
    asked: MessageRequest,
) -> MessageResponse {
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(asked),
    };
    let answers = client.server_reflection_info(tokio_stream::iter([request]));
    let answer = answers.await.unwrap().into_inner().message().await;
    answer.unwrap().unwrap().message_response.unwrap()
}

/// What the daemon tells of its own services.
async fn described(connection: Connection) -> DescriptorPool {
    let mut client = ServerReflectionClient::new(connection);
    let all = MessageRequest::ListServices(String::new());
    let MessageResponse::ListServicesResponse(list) = reflected(&mut client, all).await else {
        panic!("no list of services");
    };
    let mut files = prost_types::FileDescriptorSet::default();
    let services = list.service.into_iter();
    let mut wanted: Vec<_> = services
        .map(|service| MessageRequest::FileContainingSymbol(service.name))
        .collect();
    while let Some(asked) = wanted.pop() {
        let MessageResponse::FileDescriptorResponse(found) = reflected(&mut client, asked).await
        else {
            panic!("a file is missing");
        };
        let found = found.file_descriptor_proto.into_iter();
        let found = found.map(|file| Message::decode(&*file).unwrap());
        files.file.extend(found);
        // What a service's file imports is asked for by name.
        if wanted.is_empty() {
            wanted.extend(missing(&files).map(MessageRequest::FileByFilename));
        }
    }
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_set(files).unwrap();
    pool
}

fn missing(files: &prost_types::FileDescriptorSet) -> Option<String> {
    let mut wanted = files.file.iter().flat_map(|file| &file.dependency);
    let is_there = |name: &String| files.file.iter().any(|file| file.name() == name);
    wanted.find(|name| !is_there(name)).cloned()
}

/// A call to its end: how it ended, and how many messages came.
async fn call(
    connection: &Connection,
    method: &MethodDescriptor,
    request: DynamicMessage,
) -> (Code, usize) {
    let mut client = tonic::client::Grpc::new(connection.clone());
    client.ready().await.unwrap();
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let path: PathAndQuery = path.parse().unwrap();
    let mut request = Request::new(request);
    request.set_timeout(DEADLINE);
    let answer = client
        .server_streaming(request, path, Described(method.clone()))
        .await;
    let mut messages = match answer {
        Ok(answer) => answer.into_inner(),
        Err(status) => return (status.code(), 0),
    };
    let mut count = 0;
    loop {
        match messages.message().await {
            Ok(Some(message)) => {
                assert_eq!(message.unknown_fields().count(), 0, "{message:?}");
                count += 1;
            }
            Ok(None) => return (Code::Ok, count),
            Err(status) => return (status.code(), count),
        }
    }
}

/// A message that says in every field what cannot be.
fn nonsense(of: &MessageDescriptor) -> DynamicMessage {
    let mut message = DynamicMessage::new(of.clone());
    for field in of.fields() {
        if of.full_name().starts_with("musicfs.") && !field.is_map() {
            let value = wrong(&field);
            let value = if field.is_list() {
                Value::List(vec![value])
            } else {
                value
            };
            message.set_field(&field, value);
        } else if of.full_name() == "google.protobuf.Timestamp" && field.name() == "nanos" {
            message.set_field(&field, Value::I32(-1));
        }
    }
    message
}

fn wrong(field: &FieldDescriptor) -> Value {
    match field.kind() {
        // Nearly everything can be looked for.
        Kind::String if matches!(field.name(), "query" | "search") => Value::String("(".to_owned()),
        Kind::String => Value::String("no such\nthing!".to_owned()),
        Kind::Bytes => Value::Bytes(b"not/absolute\xff".to_vec().into()),
        Kind::Enum(_) => Value::EnumNumber(99),
        Kind::Message(message) => Value::Message(nonsense(&message)),
        Kind::Bool => Value::Bool(true),
        kind => Value::default_value(&kind),
    }
}

#[tokio::test]
async fn every_call_answers_whatever_it_is_asked() {
    let mut world = World::new();
    fs::write(world.music().join("a.flac"), flac(1, &[("TITLE", "Song")])).unwrap();
    world.start();
    let client = Client::connect(&StateDir::existing(&world.state()).unwrap())
        .await
        .unwrap();
    let connection = client.channel();
    let pool = described(connection.clone()).await;
    let services = pool
        .services()
        .filter(|it| it.full_name().starts_with("musicfs.v1."));
    let mut methods: Vec<_> = services
        .flat_map(|it| it.methods().collect::<Vec<_>>())
        .collect();
    // What ends the daemon comes last.
    methods.sort_by_key(|method| method.name() == "Shutdown");
    assert_eq!(methods.last().unwrap().name(), "Shutdown");
    let right_or_refused = [
        Code::Ok,
        Code::DeadlineExceeded,
        Code::InvalidArgument,
        Code::NotFound,
    ];
    for method in &methods {
        let name = method.full_name();
        let wrong = nonsense(&method.input());
        let says_nothing = method.input().fields().next().is_none();
        if !says_nothing {
            let (code, _) = call(&connection, method, wrong).await;
            let refused = [Code::InvalidArgument, Code::NotFound];
            assert!(refused.contains(&code), "{name}: {code:?}");
        }
        let empty = DynamicMessage::new(method.input());
        let (code, messages) = call(&connection, method, empty).await;
        assert!(right_or_refused.contains(&code), "{name}: {code:?}");
        // Of nothing that is looked for, nothing is found.
        let says_something = messages > 0 || name.ends_with(".SearchStream");
        assert!(code != Code::Ok || says_something, "{name} said nothing");
    }
    drop(world);
}

#[tokio::test]
async fn a_stream_ends_at_its_deadline() {
    let mut world = World::new();
    world.start();
    let client = Client::connect(&StateDir::existing(&world.state()).unwrap())
        .await
        .unwrap();
    let mut request = Request::new(v1::SubscribeEventsRequest {
        follow: true,
        ..v1::SubscribeEventsRequest::default()
    });
    request.set_timeout(Duration::from_millis(300));
    let events = client.events().subscribe_events(request).await.unwrap();
    let mut events = events.into_inner();
    let mut last = None;
    let status = loop {
        match events.message().await {
            Ok(message) => last = message.unwrap().event,
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(
        last.unwrap().position,
        world.position(),
        "what was there came"
    );
}

#[test]
fn another_user_is_turned_away() {
    if !rustix::process::geteuid().is_root() {
        return not_tested("only root can become another user");
    }
    let mut world = World::new();
    world.start();
    let socket = world.state().join("control.sock");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&world.state()), mode(&socket)), (0o700, 0o600));
    // Where nobody else may reach the build, they are given a copy.
    let tool = world.path().join("musicfs");
    fs::copy(crate::world::binary(), &tool).unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&tool)
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), said)
    };
    if run(&["--version"]).0 != 0 {
        return not_tested("another user cannot reach the directory for temporary files");
    }
    let state = world.state();
    let ask = || run(&["origin", "add", "/", "--state-dir", state.to_str().unwrap()]);
    let open = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let (code, said) = ask();
    assert!(
        code != 0 && said.contains("permission denied"),
        "{code} {said}"
    );
    open(&world.state(), 0o755);
    let (code, said) = ask();
    assert!(
        code != 0 && said.contains("permission denied"),
        "{code} {said}"
    );
    // Whoever opens the door by mistake has still a guard there.
    open(&socket, 0o666);
    let (code, said) = ask();
    assert!(code != 0, "{said}");
    world.until("it is told", |world| {
        world.daemon_log().contains("was turned away")
    });
    assert_eq!(world.status()["origins"].as_array().unwrap().len(), 1);
}

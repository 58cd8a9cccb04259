//! The control socket, as a client sees it that has only the protocol's own description.

use musicfs::control::Client;
use musicfs::state::StateDir;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::world::World;

async fn connect(world: &World) -> Client {
    let state = StateDir::existing(&world.state()).unwrap();
    Client::connect(&state).await.unwrap()
}

#[tokio::test]
async fn the_protocol_describes_itself() {
    let mut world = World::new();
    world.start();
    let client = connect(&world).await;
    let ask = |message_request| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(message_request),
    };
    let asked = tokio_stream::iter([
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol(
            "musicfs.v1.Event".to_owned(),
        )),
    ]);
    let mut reflection = ServerReflectionClient::new(client.channel());
    let answers = reflection.server_reflection_info(asked).await.unwrap();
    let mut answers = answers.into_inner();
    let mut next = async || answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = next().await else {
        panic!("no list of services");
    };
    let mut names: Vec<_> = list
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "musicfs.v1.ControlService",
            "musicfs.v1.EventService",
            "musicfs.v1.LayoutService",
            "musicfs.v1.OriginService",
            "musicfs.v1.ViewService",
        ]
    );
    assert!(matches!(
        next().await,
        Some(MessageResponse::FileDescriptorResponse(file)) if !file.file_descriptor_proto.is_empty()
    ));
}

#[tokio::test]
async fn health_is_told_in_the_usual_way() {
    let mut world = World::new();
    world.start();
    let mut health = HealthClient::new(connect(&world).await.channel());
    for service in ["", "musicfs.v1.EventService"] {
        let service = service.to_owned();
        let answer = health.check(HealthCheckRequest { service }).await.unwrap();
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
    }
    let service = "musicfs.v1.Nothing".to_owned();
    let unknown = health.check(HealthCheckRequest { service }).await;
    assert_eq!(unknown.unwrap_err().code(), tonic::Code::NotFound);
}

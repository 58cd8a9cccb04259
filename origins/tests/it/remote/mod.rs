//! S3 and WebDAV origins on real servers, with faults in between, and on servers that are wrong.

mod faults;
mod odd_answers;
mod odd_listings;
mod s3;
mod webdav;

use std::time::Duration;

use origins::OriginError;

/// How long anything may take here that is no test of a limit.
const LIMIT: Duration = Duration::from_secs(60);

/// What a call gives, which has to be within the limit.
async fn within<T>(call: impl Future<Output = Result<T, OriginError>>) -> Result<T, OriginError> {
    tokio::time::timeout(LIMIT, call).await.expect("no hang")
}

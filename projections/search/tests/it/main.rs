//! Search, on a real log with real views.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod finding;
#[cfg(test)]
mod following;
#[cfg(test)]
mod library;

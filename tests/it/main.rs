//! The tool, from outside: a real daemon, a real mount, real programs.

#[cfg(test)]
mod access;
#[cfg(test)]
mod beside;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod collections;
#[cfg(test)]
mod control;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod duplicates;
#[cfg(test)]
mod elsewhere;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod federation;
#[cfg(test)]
mod followers;
#[cfg(test)]
mod grpc;
#[cfg(test)]
mod hanging;
#[cfg(test)]
mod house;
#[cfg(test)]
mod integrity;
#[cfg(test)]
mod library;
#[cfg(test)]
mod live;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod origins;
#[cfg(test)]
mod pins;
#[cfg(test)]
mod played;
#[cfg(test)]
mod players;
#[cfg(test)]
mod prefetch;
#[cfg(test)]
mod prometheus;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod remote;
#[cfg(test)]
mod resources;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod retagged;
#[cfg(test)]
mod search;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod systemd;
#[cfg(test)]
mod webhooks;
#[cfg(test)]
mod world;

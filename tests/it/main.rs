//! The tool, from outside: a real daemon, a real mount, real programs.

#[cfg(test)]
mod cli;
#[cfg(test)]
mod control;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod house;
#[cfg(test)]
mod library;
#[cfg(test)]
mod live;
#[cfg(test)]
mod players;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod webhooks;
#[cfg(test)]
mod world;

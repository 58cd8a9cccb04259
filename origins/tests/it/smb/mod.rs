//! SMB origins against a real Samba.

mod conforming;
mod faults;
mod shares;
mod support;

//! Queries of the resolver with all of asyncio's arguments, and names of addresses.
#![cfg(unix)]

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use oneloop::net::{HostQuery, getnameinfo};

use crate::support::run_real;

#[test]
fn a_family_and_a_type_choose_the_answers() {
    run_real(async {
        let every = HostQuery::new("127.0.0.1").service("80").look_up().await.unwrap();
        assert!(every.len() >= 2, "one for each type of socket: {every:?}");
        let stream = HostQuery::new("127.0.0.1").service("80").stream().look_up().await.unwrap();
        assert_eq!(stream.len(), 1);
        let first = &stream[0];
        assert_eq!((first.kind, first.protocol), (libc::SOCK_STREAM, libc::IPPROTO_TCP));
        assert_eq!(first.address, SocketAddr::from(([127, 0, 0, 1], 80)));
        assert_eq!(first.canonical_name, None);
        let datagram = HostQuery::new("::1").only_v6().datagram().look_up().await.unwrap();
        assert_eq!((datagram[0].kind, datagram[0].address), (libc::SOCK_DGRAM, "[::1]:0".parse().unwrap()));
        let other = HostQuery::new("127.0.0.1").only_v6().numeric_host().look_up().await.unwrap_err();
        assert!(other.to_string().starts_with("cannot find the host \"127.0.0.1\" with the service \"\": "), "{other}");
    });
}

#[test]
fn a_protocol_chooses_too() {
    run_real(async {
        let udp = HostQuery::new("127.0.0.1").service("7").protocol(libc::IPPROTO_UDP).look_up().await.unwrap();
        assert!(udp.iter().all(|found| found.kind == libc::SOCK_DGRAM), "{udp:?}");
    });
}

#[test]
fn without_a_host_it_is_this_machine_or_every_interface() {
    run_real(async {
        let ask = || HostQuery::of_this_host().service("7").only_v4().stream();
        let here = ask().look_up().await.unwrap();
        assert_eq!(here[0].address.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        let any = ask().passive().look_up().await.unwrap();
        assert_eq!(any[0].address.ip(), IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        HostQuery::of_this_host().look_up().await.unwrap_err();
    });
}

#[test]
fn a_name_may_be_forbidden_and_a_full_name_asked_for() {
    run_real(async {
        let error = HostQuery::new("localhost").numeric_host().look_up().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let found = HostQuery::new("127.0.0.1").canonical_name().look_up().await.unwrap();
        assert_eq!(found[0].canonical_name.as_deref(), Some("127.0.0.1"));
        let error = HostQuery::new("127.0.0.1").service("no such service").look_up().await.unwrap_err();
        assert!(error.to_string().contains("with the service \"no such service\""), "{error}");
        assert_eq!(HostQuery::new("a\0b").look_up().await.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn an_address_has_names_or_digits() {
    run_real(async {
        let digits = libc::NI_NUMERICHOST | libc::NI_NUMERICSERV;
        let names = getnameinfo(([127, 0, 0, 1], 4321), digits).await.unwrap();
        assert_eq!(names, ("127.0.0.1".to_owned(), "4321".to_owned()));
        let names = getnameinfo("[::1]:80".parse::<SocketAddr>().unwrap(), digits).await.unwrap();
        assert_eq!(names, ("::1".to_owned(), "80".to_owned()));
        // of a network for documentation, so it has no name
        let error = getnameinfo(([192, 0, 2, 1], 80), libc::NI_NAMEREQD).await.unwrap_err();
        assert!(error.to_string().starts_with("cannot find the name of 192.0.2.1:80: "), "{error}");
    });
}

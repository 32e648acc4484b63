//! Connecting: several addresses in a race, the error that tells of each, and what is left when it is given up.
#![cfg(unix)]

use std::error::Error as _;
use std::io::{self, ErrorKind};
use std::mem::forget;
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::time::Duration;

use oneloop::net::{ConnectError, Endpoint, TcpConnector, TcpListener, TcpStream};
use oneloop::{all_tasks, catch_cancelled, create_task, getaddrinfo, start_server, timeout, yield_now};

use crate::support::{ms, now, run, run_real};

/// A delay that is longer than any test.
const NEVER: Duration = Duration::from_secs(3_600);

/// How long something takes on the loop's clock, and its value.
async fn timed<F: Future>(future: F) -> (Duration, F::Output) {
    let start = now();
    let value = future.await;
    (now() - start, value)
}

/// An address where no program listens: the near end of a connection. It is held for good, so that no test that runs
/// beside this one is given its port.
fn closed_address() -> SocketAddr {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let held = StdStream::connect(listener.local_addr().unwrap()).unwrap();
    let address = held.local_addr().unwrap();
    forget((listener, held));
    address
}

/// An address that never answers: its line is full.
struct Silent {
    address: SocketAddr,
    _listener: TcpListener,
    _line: Vec<StdStream>,
}

fn silent() -> Silent {
    let listener = TcpListener::builder().backlog(0).bind(([127, 0, 0, 1], 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let mut line = Vec::new();
    while let Ok(stream) = StdStream::connect_timeout(&address, ms(50)) {
        line.push(stream);
    }
    Silent { address, _listener: listener, _line: line }
}

fn listening() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

// The delay.

#[test]
fn a_delay_without_end_is_no_delay_that_overflows() {
    run_real(async {
        let (_listener, open) = listening();
        for delay in [Duration::MAX, Duration::from_secs(u64::MAX / 2), Duration::ZERO] {
            let connector = TcpConnector::new().happy_eyeballs_delay(delay);
            assert_eq!(connector.connect(vec![closed_address(), open]).await.unwrap().peer_addr().unwrap(), open);
        }
        let silent = silent();
        let connector = TcpConnector::new().happy_eyeballs_delay(Duration::MAX);
        let waiting = timeout(ms(20), connector.connect(vec![silent.address, open]));
        assert!(waiting.await.is_err(), "the first has for ever");
    });
}

// One address.

#[test]
fn a_refusal_is_told_with_its_address_and_becomes_an_io_error() {
    run(async {
        let address = closed_address();
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(error.attempts().len(), 1);
        assert_eq!(error.attempts()[0].0, address);
        let text = error.to_string();
        assert!(text.starts_with(&format!("cannot connect to {address}: Connection refused")), "{text}");
        assert!(error.source().is_some());
        let error = io::Error::from(error);
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::ConnectionRefused, text));
        assert!(error.get_ref().and_then(|inner| inner.downcast_ref::<ConnectError>()).is_some());
    });
}

#[test]
fn numbers_are_understood_in_every_form() {
    run(async {
        let (listener, address) = listening();
        let port = address.port();
        let forms: [Endpoint; 6] = [
            address.into(),
            (address.ip(), port).into(),
            ([127, 0, 0, 1], port).into(),
            ("127.0.0.1", port).into(),
            (String::from("127.0.0.1"), port).into(),
            format!("127.0.0.1:{port}").as_str().into(),
        ];
        for form in forms {
            let stream = TcpStream::connect(form).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), address);
            listener.accept().await.unwrap();
        }
    });
}

#[test]
fn without_an_address_nothing_is_tried() {
    run(async {
        let error = TcpStream::connect("localhost").await.unwrap_err();
        assert_eq!((error.kind(), error.attempts().len()), (ErrorKind::InvalidInput, 0));
        assert!(error.to_string().contains("no port was given"), "{error}");
        let error = TcpStream::connect(vec![]).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts().len()), (ErrorKind::InvalidInput, 0));
    });
}

#[test]
fn a_text_that_is_no_endpoint_is_told_what_is_wrong_with_it() {
    run(async {
        let wrong = [
            ("localhost:99999", "the port is \"99999\", which is no number from 0 to 65535"),
            ("localhost:http", "the port is \"http\", which is no number"),
            ("localhost:", "the port is \"\", which is no number"),
            ("[::1]:-1", "the port is \"-1\", which is no number"),
            ("::1", "an IPv6 address stands in brackets before its port: say \"[::1]:80\""),
            ("::1:80", "in brackets"),
            ("fe80::1%2", "in brackets"),
            ("2001:db8::99999", "in brackets"),
            ("[::1]", "no port was given"),
            ("[::1]80", "no port was given"),
            ("", "no port was given"),
        ];
        for (text, expected) in wrong {
            let error = TcpStream::connect(text).await.unwrap_err();
            assert_eq!((error.kind(), error.attempts().len()), (ErrorKind::InvalidInput, 0));
            let said = error.to_string();
            assert!(said.starts_with(&format!("cannot connect to {text}: ")) && said.contains(expected), "{said}");
            let said = start_server(async |_, _| (), text).await.unwrap_err().to_string();
            assert!(said.starts_with(&format!("cannot listen on {text}: ")) && said.contains(expected), "{said}");
        }
    });
}

#[test]
fn an_unknown_host_is_named() {
    run_real(async {
        let name = "no-such-host.invalid";
        let said = [
            TcpStream::connect((name, 80)).await.unwrap_err().to_string(),
            start_server(async |_, _| (), (name, 80)).await.unwrap_err().to_string(),
            getaddrinfo(name, 80).await.unwrap_err().to_string(),
        ];
        assert!(said.iter().all(|said| said.contains(&format!("cannot find the host {name:?}: "))), "{said:?}");
    });
}

/// asyncio's `host=None`.
#[test]
fn without_a_host_one_listens_everywhere_and_connects_to_this_machine() {
    run_real(async {
        let text = String::from(":0");
        for endpoint in [Endpoint::from(("", 0)), (None, 0).into(), (String::new(), 0).into(), text.as_str().into()] {
            let server = start_server(async |_, writer| writer.write("here"), endpoint).await.unwrap();
            let addresses = server.local_addrs();
            assert!(addresses.iter().any(|address| *address == ([0, 0, 0, 0], address.port()).into()), "{addresses:?}");
            assert!(addresses.iter().all(|address| address.ip().is_unspecified()));
            // IPv6 where the machine has it
            let has_v6 = StdListener::bind("[::1]:0").is_ok();
            assert_eq!(addresses.iter().filter(|address| address.is_ipv6()).count(), usize::from(has_v6));
            for address in addresses {
                let stream = TcpStream::connect((None, address.port())).await.unwrap();
                assert!(stream.peer_addr().unwrap().ip().is_loopback());
                let mut word = [0; 4];
                stream.read_exact(&mut word).await.unwrap();
                assert_eq!(&word, b"here");
            }
            server.close();
        }
    });
}

// Several.

#[test]
fn all_fail_and_each_is_told() {
    run_real(async {
        let addresses = vec![closed_address(), closed_address(), closed_address()];
        // a refusal starts the next at once
        let connector = TcpConnector::new().happy_eyeballs_delay(NEVER);
        let error = connector.connect(addresses.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let tried: Vec<_> = error.attempts().iter().map(|(address, _)| *address).collect();
        assert_eq!(tried, addresses);
        for address in addresses {
            assert!(error.to_string().contains(&format!(" {address}: Connection refused")), "{error}");
        }
        assert!(all_tasks().iter().all(|task| task.name() == "Task-1"));
    });
}

#[test]
fn the_first_that_answers_is_taken() {
    run_real(async {
        let (_listener, address) = listening();
        for addresses in [
            vec![closed_address(), address],
            vec![address, closed_address()],
            vec![closed_address(), closed_address(), address],
        ] {
            for delay in [None, Some(NEVER)] {
                let connector = TcpConnector::new().happy_eyeballs_delay(delay);
                let stream = connector.connect(addresses.clone()).await.unwrap();
                assert_eq!(stream.peer_addr().unwrap(), address);
            }
        }
    });
}

#[test]
fn one_that_does_not_answer_has_a_quarter_of_a_second_for_itself() {
    run(async {
        let (silent, (_listener, address)) = (silent(), listening());
        let (took, stream) = timed(TcpStream::connect(vec![silent.address, address])).await;
        assert_eq!((took, stream.unwrap().peer_addr().unwrap()), (ms(250), address));
        assert_eq!(all_tasks().len(), 1); // the attempt that did not answer has ended
        let twice = vec![silent.address, silent.address, address];
        let connector = TcpConnector::new().happy_eyeballs_delay(ms(100));
        let (took, stream) = timed(connector.connect(twice)).await;
        assert_eq!((took, stream.unwrap().peer_addr().unwrap()), (ms(200), address));
    });
}

#[test]
fn families_take_turns_and_the_ones_given_first_come_first() {
    run(async {
        let v6: Vec<SocketAddr> = (1..=3).map(|port| ([0, 0, 0, 0, 0, 0, 0, 1], port).into()).collect();
        let v4: Vec<SocketAddr> = (1..=2).map(|port| ([127, 0, 0, 1], port).into()).collect();
        let all: Vec<_> = v6.iter().chain(&v4).copied().collect();
        let order = async |first| {
            let error = TcpConnector::new().interleave(first).connect(all.clone()).await.unwrap_err();
            error.attempts().iter().map(|(address, _)| *address).collect::<Vec<_>>()
        };
        assert_eq!(order(0).await, all);
        assert_eq!(order(1).await, [v6[0], v4[0], v6[1], v4[1], v6[2]]);
        assert_eq!(order(2).await, [v6[0], v6[1], v4[0], v6[2], v4[1]]);
    });
}

// The local address.

#[test]
fn the_local_address_is_taken_and_other_families_are_passed_over() {
    run(async {
        let (listener, address) = listening();
        let v6: SocketAddr = ([0, 0, 0, 0, 0, 0, 0, 1], address.port()).into();
        let connector = TcpConnector::new().local_addr(([127, 0, 0, 2], 0));
        let stream = connector.connect(vec![v6, address]).await.unwrap();
        assert_eq!(listener.accept().await.unwrap().1, stream.local_addr().unwrap());
        assert_eq!(stream.local_addr().unwrap().ip().to_string(), "127.0.0.2");
        let error = connector.connect(v6).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        let error = connector.connect(vec![v6, closed_address()]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other); // they do not agree
        assert!(error.to_string().contains("no local address of its family"), "{error}");
    });
}

#[test]
fn a_local_address_that_is_not_ours_is_named() {
    run(async {
        let (_listener, address) = listening();
        let connector = TcpConnector::new().local_addr(([192, 0, 2, 1], 0));
        let error = connector.connect(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        assert!(error.to_string().contains("192.0.2.1:0"), "{error}");
    });
}

// Given up.

#[test]
fn cancelled_it_gives_all_attempts_up() {
    run(async {
        let silent = silent();
        for addresses in [vec![silent.address], vec![silent.address; 3]] {
            let connects = create_task(async move { catch_cancelled(TcpStream::connect(addresses)).await.is_err() });
            for _ in 0..5 {
                yield_now().await;
            }
            assert!(!connects.done());
            connects.cancel();
            assert!(connects.await);
            assert_eq!(all_tasks().len(), 1);
        }
    });
}

#[test]
fn dropped_it_gives_all_attempts_up() {
    run(async {
        let silent = silent();
        {
            let mut connects = Box::pin(TcpStream::connect(vec![silent.address; 3]));
            assert!(futures::poll!(&mut connects).is_pending());
            yield_now().await;
            assert_eq!(all_tasks().len(), 2);
        }
        yield_now().await;
        assert_eq!(all_tasks().len(), 1);
    });
}

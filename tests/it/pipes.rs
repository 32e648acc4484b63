//! Pipes, and other descriptors that bytes come from or go to.
#![cfg(unix)]
#![expect(clippy::print_stdout, reason = "says what it skips")]

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use oneloop::net::{PipeReader, PipeWriter, pipe};
use oneloop::{create_task, sleep, yield_now};

use crate::support::run_real;

async fn read_to_end(reader: &PipeReader) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), [0; 5_000]);
    loop {
        match reader.read(&mut buffer).await.unwrap() {
            0 => return all,
            n => all.extend_from_slice(&buffer[..n]),
        }
    }
}

#[test]
fn what_is_written_is_read_and_then_comes_the_end() {
    run_real(async {
        let (reader, writer) = pipe().unwrap();
        let reads = create_task(async move { read_to_end(&reader).await });
        for _ in 0..100 {
            writer.write_all(&[7; 1_234]).await.unwrap(); // more than the system holds
        }
        drop(writer);
        assert_eq!(reads.await, vec![7; 123_400]);
    });
}

#[test]
fn the_end_behind_the_last_bytes_is_not_missed() {
    for waits in [false, true] {
        run_real(async move {
            let (reader, writer) = pipe().unwrap();
            writer.write_all(b"last").await.unwrap();
            if waits {
                reader.readable().await;
            }
            drop(writer);
            let mut buffer = [0; 99];
            assert_eq!(reader.read(&mut buffer).await.unwrap(), 4);
            for _ in 0..2 {
                assert_eq!(reader.read(&mut buffer).await.unwrap(), 0);
            }
        });
    }
}

#[test]
fn the_reader_is_gone() {
    run_real(async {
        let (reader, writer) = pipe().unwrap();
        let fills = create_task(async move {
            let error = loop {
                if let Err(e) = writer.write_all(&[7; 4_096]).await {
                    break e.kind();
                }
            };
            (error, writer.write(b"x").await.unwrap_err().kind())
        });
        sleep(Duration::from_millis(2)).await;
        assert!(!fills.done());
        drop(reader);
        assert_eq!(fills.await, (ErrorKind::BrokenPipe, ErrorKind::BrokenPipe));
    });
}

#[test]
fn a_writer_waits_for_the_other_end_to_go() {
    for full in [false, true] {
        run_real(async {
            let (reader, writer) = pipe().unwrap();
            if full {
                while writer.try_write(&[7; 4_096]).is_ok() {}
            }
            let waiting = create_task(async move {
                writer.closed().await;
                writer.closed().await;
                writer.write(b"x").await.unwrap_err().kind()
            });
            sleep(Duration::from_millis(2)).await;
            let mut buffer = [0; 9];
            if full {
                reader.read(&mut buffer).await.unwrap(); // room is no end
            }
            sleep(Duration::from_millis(2)).await;
            assert!(!waiting.done());
            drop(reader);
            assert_eq!(waiting.await, ErrorKind::BrokenPipe);
        });
    }
}

#[test]
fn a_child_is_written_to_and_read_from() {
    let Ok(mut child) = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        println!("skipped: there is no cat");
        return;
    };
    run_real(async {
        let writer = PipeWriter::from_fd(child.stdin.take().unwrap().into()).unwrap();
        let reader = PipeReader::from_fd(child.stdout.take().unwrap().into()).unwrap();
        let reads = create_task(async move { read_to_end(&reader).await });
        writer.write_all(&vec![b'x'; 300_000]).await.unwrap();
        drop(writer);
        assert_eq!(reads.await, vec![b'x'; 300_000]);
    });
    assert!(child.wait().unwrap().success());
}

#[test]
fn from_a_descriptor_and_back() {
    run_real(async {
        let (reader, writer) = pipe().unwrap();
        let (mut from, mut to) = (File::from(reader.into_fd()), File::from(writer.into_fd()));
        to.write_all(b"abc").unwrap();
        let mut byte = [0];
        from.read_exact(&mut byte).unwrap();
        let reader = PipeReader::from_fd(from.into()).unwrap();
        let mut buffer = [0; 9];
        assert_eq!(reader.read(&mut buffer).await.unwrap(), 2); // what was there before it was registered
        drop(PipeWriter::from_fd(to.into()).unwrap());
        assert_eq!(reader.read(&mut buffer).await.unwrap(), 0);
    });
}

#[test]
fn a_regular_file_is_refused() {
    run_real(async {
        #[cfg(target_os = "linux")]
        assert!(PipeReader::from_fd(OwnedFd::from(File::open("Cargo.toml").unwrap())).is_err());
        yield_now().await;
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gives_a_line_at_a_time_and_none_is_forgotten() {
    let Ok(master) = File::options().read(true).write(true).open("/dev/ptmx") else {
        println!("skipped: there are no terminals");
        return;
    };
    // what the terminal's program writes comes out at the master in pieces of the system's choosing
    run_real(async {
        let writer = PipeWriter::from_fd(master.try_clone().unwrap().into()).unwrap();
        let reader = PipeReader::from_fd(master.into()).unwrap();
        // no program has opened the terminal; the echo of what is written comes back, line by line
        writer.write_all(b"one\ntwo\n").await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"two\r\n") {
            let mut buffer = [0; 99];
            let n = reader.read(&mut buffer).await.unwrap();
            seen.extend_from_slice(&buffer[..n]);
        }
        assert_eq!(seen, b"one\r\ntwo\r\n");
    });
}

//! What every socket shares with its type in the standard library, as macros. Owns the conversions between the two;
//! must not know the kinds of sockets.

/// `AsFd` and `AsRawFd` for a type with a field `descriptor: Descriptor<…>`.
macro_rules! as_fd {
    ($Type:ty) => {
        impl std::os::fd::AsFd for $Type {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.descriptor.get_ref().as_fd()
            }
        }

        impl std::os::fd::AsRawFd for $Type {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.descriptor.get_ref().as_raw_fd()
            }
        }
    };
}

/// The methods and traits of a socket whose only field is `descriptor: Descriptor<$Std>`. `$short_transfer` tells what
/// a short transfer of a socket says.
macro_rules! std_socket {
    ($Type:ident, $Std:ty, $Address:ty, $short_transfer:expr) => {
        impl $Type {
            /// Takes over a socket of the standard library: makes it non-blocking and registers it with this thread's
            /// loop.
            ///
            /// # Errors
            /// If the socket is registered already, or the system is out of memory.
            ///
            /// # Panics
            /// If this thread is in no loop.
            #[track_caller]
            pub fn from_std(socket: $Std) -> std::io::Result<Self> {
                socket.set_nonblocking(true)?;
                let short_transfer = $short_transfer(&socket);
                Ok(Self { descriptor: Descriptor::of_stream(socket, short_transfer)? })
            }

            /// Removes the socket from the loop and returns it as the standard library's type. It is still
            /// non-blocking.
            pub fn into_std(self) -> $Std {
                self.descriptor.into_inner()
            }

            /// The socket as the standard library's type, for settings that have no method here.
            pub fn get_ref(&self) -> &$Std {
                self.descriptor.get_ref()
            }

            /// The local address.
            ///
            /// # Errors
            /// Errors of the system call.
            pub fn local_addr(&self) -> std::io::Result<$Address> {
                self.get_ref().local_addr()
            }

            /// The address of the peer.
            ///
            /// # Errors
            /// `NotConnected` if the socket is not connected, or the peer has reset the connection.
            pub fn peer_addr(&self) -> std::io::Result<$Address> {
                self.get_ref().peer_addr()
            }
        }

        as_fd!($Type);

        impl $Type {
            fn descriptor(&self) -> &Descriptor<$Std> {
                &self.descriptor
            }
        }

        impl std::fmt::Debug for $Type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($Type)).field(self.get_ref()).finish()
            }
        }
    };
}

pub(super) use as_fd;
pub(super) use std_socket;

//! What a socket or pipe has for calls that the program makes itself on what is inside, alike for all kinds. Owns, as
//! macros, the public methods; must not know the calls.

/// The methods for reading, of a type with a method `descriptor(&self) -> &Descriptor<$Inner>`.
macro_rules! reads_with {
    ($Type:ty, $Inner:ty) => {
        impl $Type {
            /// Waits until a read would not block: there are bytes, the end, or an error. As
            /// [`Descriptor::readable`](crate::Descriptor::readable).
            ///
            /// # Cancel safety
            /// Nothing is lost.
            pub async fn readable(&self) {
                self.descriptor().readable().await;
            }

            /// Waits until a read would not block and calls `read`, for what has no method here, again and again until
            /// that returns something else than `WouldBlock`.
            ///
            /// # Errors
            /// The errors of `read`, except `WouldBlock` and `Interrupted`.
            ///
            /// # Cancel safety
            /// Nothing is lost: while this waits, `read` has done nothing.
            pub async fn read_with<R>(&self, read: impl FnMut(&$Inner) -> std::io::Result<R>) -> std::io::Result<R> {
                self.descriptor().read_with(read).await
            }

            /// Calls `read` without waiting, unless it is known that it would block. As
            /// [`Descriptor::try_read_with`](crate::Descriptor::try_read_with).
            ///
            /// # Errors
            /// The errors of `read`, except `Interrupted`; and `WouldBlock` if `read` was not called.
            #[doc(alias = "try_io")]
            pub fn try_read_with<R>(&self, read: impl FnMut(&$Inner) -> std::io::Result<R>) -> std::io::Result<R> {
                self.descriptor().try_read_with(read)
            }

            /// [`readable`](Self::readable) as a poll, for a future that is written by hand. As
            /// [`Descriptor::poll_read_ready`](crate::Descriptor::poll_read_ready).
            ///
            /// # Panics
            /// If it has to wait in a task of another loop, or after its loop has closed.
            pub fn poll_read_ready(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
                self.descriptor().poll_read_ready(cx)
            }

            /// [`read_with`](Self::read_with) as a poll, for a future that is written by hand. As
            /// [`Descriptor::poll_read_with`](crate::Descriptor::poll_read_with).
            ///
            /// # Errors
            /// The errors of `read`, except `WouldBlock` and `Interrupted`.
            ///
            /// # Panics
            /// If it has to wait in a task of another loop, or after its loop has closed.
            pub fn poll_read_with<R>(
                &self,
                cx: &mut std::task::Context<'_>,
                read: impl FnMut(&$Inner) -> std::io::Result<R>,
            ) -> std::task::Poll<std::io::Result<R>> {
                self.descriptor().poll_read_with(cx, read)
            }
        }
    };
}

/// The methods for writing, of a type with a method `descriptor(&self) -> &Descriptor<$Inner>`.
macro_rules! writes_with {
    ($Type:ty, $Inner:ty) => {
        impl $Type {
            /// Waits until a write would not block: there is room, or an error. As
            /// [`Descriptor::writable`](crate::Descriptor::writable).
            ///
            /// # Cancel safety
            /// Nothing is lost.
            pub async fn writable(&self) {
                self.descriptor().writable().await;
            }

            /// Waits until a write would not block and calls `write`, for what has no method here, again and again
            /// until that returns something else than `WouldBlock`.
            ///
            /// # Errors
            /// The errors of `write`, except `WouldBlock` and `Interrupted`.
            ///
            /// # Cancel safety
            /// Nothing is lost: while this waits, `write` has done nothing.
            pub async fn write_with<R>(&self, write: impl FnMut(&$Inner) -> std::io::Result<R>) -> std::io::Result<R> {
                self.descriptor().write_with(write).await
            }

            /// Calls `write` without waiting, unless it is known that it would block. As
            /// [`Descriptor::try_write_with`](crate::Descriptor::try_write_with).
            ///
            /// # Errors
            /// The errors of `write`, except `Interrupted`; and `WouldBlock` if `write` was not called.
            #[doc(alias = "try_io")]
            pub fn try_write_with<R>(&self, write: impl FnMut(&$Inner) -> std::io::Result<R>) -> std::io::Result<R> {
                self.descriptor().try_write_with(write)
            }

            /// [`writable`](Self::writable) as a poll, for a future that is written by hand. As
            /// [`Descriptor::poll_write_ready`](crate::Descriptor::poll_write_ready).
            ///
            /// # Panics
            /// If it has to wait in a task of another loop, or after its loop has closed.
            pub fn poll_write_ready(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
                self.descriptor().poll_write_ready(cx)
            }

            /// [`write_with`](Self::write_with) as a poll, for a future that is written by hand. As
            /// [`Descriptor::poll_write_with`](crate::Descriptor::poll_write_with).
            ///
            /// # Errors
            /// The errors of `write`, except `WouldBlock` and `Interrupted`.
            ///
            /// # Panics
            /// If it has to wait in a task of another loop, or after its loop has closed.
            pub fn poll_write_with<R>(
                &self,
                cx: &mut std::task::Context<'_>,
                write: impl FnMut(&$Inner) -> std::io::Result<R>,
            ) -> std::task::Poll<std::io::Result<R>> {
                self.descriptor().poll_write_with(cx, write)
            }
        }
    };
}

pub(super) use {reads_with, writes_with};

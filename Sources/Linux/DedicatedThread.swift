// A thread for one closure. What changes a thread (setns, unshare) or blocks it must never happen
// on a thread of Swift's pool: the pool would hand the changed thread to somebody else.

import Glibc

/// Runs closures on threads of their own, which end with them. One run costs about 50 µs.
package enum DedicatedThread {
    /// Runs the closure on a new thread and blocks the caller until it is done.
    /// - Parameter failed: makes the caller's error when no thread can be had (EAGAIN).
    package static func run<T, E: Error>(
        orElse failed: (KernelError) -> E, _ body: () throws(E) -> T
    ) throws(E) -> T {
        var outcome: Result<T, E>?
        func work() {
            do throws(E) {
                outcome = .success(try body())
            } catch {
                outcome = .failure(error)
            }
        }
        var refused: KernelError?
        withoutActuallyEscaping(work) { work in
            do throws(KernelError) {
                pthread_join(try start(work), nil)
            } catch {
                refused = error
            }
        }
        if let refused { throw failed(refused) }
        guard let outcome else { preconditionFailure("a joined thread has run its closure") }
        return try outcome.get()
    }

    /// Runs the closure on a new thread; the awaiting task gives its pool thread back meanwhile.
    package static func perform<T: Sendable>(
        _ body: @escaping @Sendable () throws -> T
    ) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            do throws(KernelError) {
                try detach { continuation.resume(with: Result { try body() }) }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// Starts a thread that nobody joins.
    package static func detach(_ body: @escaping @Sendable () -> Void) throws(KernelError) {
        pthread_detach(try start(body))
    }

    /// The closure runs exactly once; its box is freed by the thread.
    private static func start(_ body: @escaping () -> Void) throws(KernelError) -> pthread_t {
        final class Box {
            let body: () -> Void
            init(_ body: @escaping () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Box(body))
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, box.toOpaque())
        if code != 0 {
            box.release()
            throw KernelError(call: "pthread_create", subject: "", errno: Errno(rawValue: code))
        }
        return thread
    }
}

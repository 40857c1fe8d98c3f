// The end of a service: being cancelled by a graceful stop is how all of ours end, and no failure.

import ServiceLifecycle

/// Runs the body, cancels it when the agent stops, and returns then as if it had finished.
func untilShutdown(_ body: @Sendable @escaping () async throws -> Void) async throws {
    do {
        try await cancelWhenGracefulShutdown(body)
    } catch is CancellationError {
        return
    }
}

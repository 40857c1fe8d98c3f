// The way from a thread of ours to a task: the thread puts, the task awaits. What piled up while
// the task was busy arrives as one batch, and a pile that grows too high is replaced by a summary,
// so that memory is bounded by what the summary holds and not by the number of events.

import Synchronization

/// An asynchronous sequence of batches with one consumer. Ends by `finish`, at once and with what
/// was put before still delivered; a cancelled consumer gets the end.
package final class Mailbox<Element: Sendable>: AsyncSequence, Sendable {
    /// Elements that may wait before a summary takes their place.
    package let limit: Int

    private struct State {
        var waiting: [Element] = []
        var consumer: CheckedContinuation<Result<[Element]?, any Error>, Never>?
        var end: Result<Void, any Error>?
    }
    private let state = Mutex(State())

    package init(limit: Int) { self.limit = limit }

    /// Adds a batch. Dropped after `finish`.
    /// - Parameter summary: what stands for everything waiting and this batch, asked for only when
    ///   more than `limit` elements would wait.
    package func put(_ batch: [Element], summary: () -> [Element]) {
        guard !batch.isEmpty else { return }
        let woken = state.withLock {
            state -> (CheckedContinuation<Result<[Element]?, any Error>, Never>, [Element])? in
            if state.end != nil { return nil }
            if let consumer = state.consumer {
                state.consumer = nil
                return (consumer, batch)
            }
            state.waiting += batch
            if state.waiting.count > limit { state.waiting = summary() }
            return nil
        }
        if let (consumer, batch) = woken { consumer.resume(returning: .success(batch)) }
    }

    /// Ends the sequence, with an error or without; the first end counts.
    package func finish(throwing error: (any Error)? = nil) {
        let end: Result<Void, any Error> = error.map { .failure($0) } ?? .success(())
        let consumer = state.withLock { state in
            if state.end == nil { state.end = end }
            defer { state.consumer = nil }
            return state.consumer
        }
        consumer?.resume(returning: end.map { nil })
    }

    /// Waits for the next batch.
    fileprivate func take() async throws -> [Element]? {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = state.withLock { state -> Result<[Element]?, any Error>? in
                    if !state.waiting.isEmpty {
                        defer { state.waiting = [] }
                        return .success(state.waiting)
                    }
                    if let end = state.end { return end.map { nil } }
                    if Task.isCancelled { return .success(nil) }
                    precondition(state.consumer == nil, "a mailbox has one consumer")
                    state.consumer = continuation
                    return nil
                }
                if let ready { continuation.resume(returning: ready) }
            }
        } onCancel: {
            let consumer = state.withLock { state in
                defer { state.consumer = nil }
                return state.consumer
            }
            consumer?.resume(returning: .success(nil))
        }
        return try result.get()
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let mailbox: Mailbox
        /// Lives as long as somebody reads.
        fileprivate let source: (any AnyObject & Sendable)?

        package mutating func next() async throws -> [Element]? { try await mailbox.take() }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(mailbox: self, source: nil) }

    /// An iterator that keeps the source of the elements alive: a loop over a temporary watch or
    /// monitor would otherwise end it by beginning to read.
    package func makeAsyncIterator(keeping source: any AnyObject & Sendable) -> AsyncIterator {
        AsyncIterator(mailbox: self, source: source)
    }
}

// Handing batches from threads to a task: merging, limits, the end.

import Linux
import Testing

@Suite struct MailboxTests {
    private struct Failure: Error, Equatable {}

    @Test("what was put before anybody asked arrives as one batch")
    func merging() async throws {
        let mailbox = Mailbox<Int>(limit: 10)
        mailbox.put([1, 2], summary: { [] })
        mailbox.put([3], summary: { [] })
        mailbox.finish()
        var batches: [[Int]] = []
        for try await batch in mailbox { batches.append(batch) }
        #expect(batches == [[1, 2, 3]])
    }

    @Test("a pile above the limit is replaced by its summary, once")
    func summary() async throws {
        let mailbox = Mailbox<Int>(limit: 3)
        mailbox.put([1, 2, 3], summary: { [-1] })
        mailbox.put([4], summary: { [-2] })
        mailbox.put([5], summary: { [-3] })
        var iterator = mailbox.makeAsyncIterator()
        #expect(try await iterator.next() == [-2, 5])
    }

    @Test("a waiting consumer gets each batch as it comes")
    func waiting() async throws {
        let mailbox = Mailbox<Int>(limit: 3)
        async let seen = {
            var iterator = mailbox.makeAsyncIterator()
            return (try await iterator.next(), try await iterator.next())
        }()
        mailbox.put([1], summary: { [] })
        mailbox.put([2], summary: { [] })
        mailbox.finish()
        let (first, second) = try await seen
        #expect(first == [1] ? second == [2] : first == [1, 2] && second == nil)
    }

    @Test("an error comes after what was put before it")
    func failure() async throws {
        let mailbox = Mailbox<Int>(limit: 3)
        mailbox.put([1], summary: { [] })
        mailbox.finish(throwing: Failure())
        mailbox.put([2], summary: { [] })
        var iterator = mailbox.makeAsyncIterator()
        #expect(try await iterator.next() == [1])
        await #expect(throws: Failure()) { _ = try await iterator.next() }
    }

    @Test("a cancelled consumer gets the end", arguments: [false, true])
    func cancellation(before: Bool) async throws {
        let mailbox = Mailbox<Int>(limit: 3)
        let consumer = Task {
            var iterator = mailbox.makeAsyncIterator()
            return try await iterator.next()
        }
        if !before { await Task.yield() }
        consumer.cancel()
        #expect(try await consumer.value == nil)
    }
}

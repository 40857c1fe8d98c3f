// Requests against a played kernel: whose answer counts, what a dump that changed does, and what an
// error says.

import CLibMNL
import Linux
import Synchronization
import Testing

@testable import Netlink

/// Answers each request with prepared datagrams; more reading than was prepared is an error.
final class PlayedKernel: Transport {
    typealias Answer = @Sendable (_ sequence: UInt32) -> [[UInt8]]

    let port: UInt32 = 77
    private struct State {
        var answers: [Answer]
        var waiting: [[UInt8]] = []
        var requests = 0
    }
    private let state: Mutex<State>

    /// The last answer is given again and again.
    init(_ answers: Answer...) { state = Mutex(State(answers: answers)) }

    var requests: Int { state.withLock(\.requests) }

    func send(_ datagram: [UInt8]) throws(KernelError) {
        let sequence = datagram.withUnsafeBytes {
            $0.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
        }
        state.withLock { state in
            state.requests += 1
            let answer = state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
            state.waiting += answer(sequence)
        }
    }

    func receive() throws(KernelError) -> [UInt8] {
        let datagram = state.withLock { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
        guard let datagram else {
            throw KernelError(call: "recvfrom", subject: "played kernel", errno: .wouldBlock)
        }
        return datagram
    }
}

/// A message as the kernel sends it.
private func reply(
    _ type: Int, _ sequence: UInt32, flags: UInt16 = 0, port: UInt32 = 77, _ payload: [UInt8] = []
) -> [UInt8] {
    var bytes: [UInt8] = []
    let header = nlmsghdr(
        nlmsg_len: UInt32(16 + payload.count), nlmsg_type: UInt16(type), nlmsg_flags: flags,
        nlmsg_seq: sequence, nlmsg_pid: port)
    withUnsafeBytes(of: header) { bytes += $0 }
    return bytes + payload
}

@Suite struct ConversationTests {
    private let done = Int(NLMSG_DONE)
    private let error = Int(NLMSG_ERROR)
    private static let good = bytes("00000000")

    private func payloads(_ messages: [Message]) -> [[UInt8]] { messages.map { Array($0.payload) } }

    @Test("a dump is everything up to its end, from however many datagrams")
    func dump() throws {
        let kernel = PlayedKernel { [done] sequence in
            [
                reply(16, sequence, [1]), reply(16, sequence, [2]),
                reply(done, sequence, Self.good),
            ]
        }
        var conversation = Conversation(kernel)
        let answers = try conversation.dump(MessageBuilder(18), "dump links")
        #expect(payloads(answers) == [[1], [2]])
    }

    @Test("answers to another sequence number or another port do not count")
    func strangers() throws {
        let kernel = PlayedKernel { [done, error] sequence in
            [
                reply(16, sequence &- 1, [9]), reply(done, sequence &- 1, Self.good),
                reply(16, sequence, port: 78, [8]),
                reply(
                    error, sequence, port: 78,
                    bytes("ffffffff") + [UInt8](repeating: 0, count: 16)),
                reply(16, sequence, [1]), reply(done, sequence, Self.good),
            ]
        }
        var conversation = Conversation(kernel)
        #expect(payloads(try conversation.dump(MessageBuilder(18), "dump links")) == [[1]])
    }

    @Test("a dump that was interrupted anywhere is made again, whole", arguments: [0, 1, 2])
    func interruption(at place: Int) throws {
        let flags = { @Sendable (index: Int) -> UInt16 in
            index == place ? UInt16(NLM_F_DUMP_INTR) : 0
        }
        let kernel = PlayedKernel(
            { [done] sequence in
                [
                    reply(16, sequence, flags: flags(0), [1]),
                    reply(16, sequence, flags: flags(1), [2]),
                    reply(done, sequence, flags: flags(2), Self.good),
                ]
            },
            { [done] sequence in [reply(16, sequence, [3]), reply(done, sequence, Self.good)] })
        var conversation = Conversation(kernel)
        #expect(payloads(try conversation.dump(MessageBuilder(18), "dump links")) == [[3]])
        #expect(kernel.requests == 2)
    }

    @Test("a dump that is always interrupted is given up after the named number of attempts")
    func givingUp() {
        let kernel = PlayedKernel { [done] sequence in
            [reply(done, sequence, flags: UInt16(NLM_F_DUMP_INTR), Self.good)]
        }
        var conversation = Conversation(kernel)
        #expect(
            throws: NetlinkError.interrupted(
                request: "dump links", attempts: Conversation.dumpAttempts)
        ) { try conversation.dump(MessageBuilder(18), "dump links") }
        #expect(kernel.requests == Conversation.dumpAttempts)
    }

    @Test("a request gives what came before its acknowledgement")
    func acknowledgement() throws {
        let kernel = PlayedKernel { [error] sequence in
            [
                reply(16, sequence, [5])
                    .padded + reply(error, sequence, Self.good + [UInt8](repeating: 0, count: 16))
            ]
        }
        var conversation = Conversation(kernel)
        #expect(payloads(try conversation.request(MessageBuilder(18), "get link", "eni0")) == [[5]])
    }

    @Test(
        "a refusal carries the number and the kernel's own words, request echoed or not",
        arguments: [false, true])
    func refusal(isEchoed: Bool) {
        let words = bytes("0d00 0100 4e6f2073756368 6900 000000")  // NLMSGERR_ATTR_MSG "No suchi"
        let flags = UInt16(NLM_F_ACK_TLVS) | (isEchoed ? 0 : UInt16(NLM_F_CAPPED))
        let kernel = PlayedKernel { [error] sequence in
            let echoed = isEchoed ? bytes("aabbccdd") : []
            // nlmsgerr: -EEXIST, then the header of the request that it answers.
            let head = bytes(
                "efffffff", isEchoed ? "14000000" : "10000000", "1000 0506 00000000 00000000")
            return [reply(error, sequence, flags: flags, head + echoed + words)]
        }
        var conversation = Conversation(kernel)
        #expect(
            throws: NetlinkError.refused(
                request: "add link", subject: "eni0", errno: .exists, explanation: "No suchi")
        ) { try conversation.request(MessageBuilder(16), "add link", "eni0") }
    }

    @Test("a dump that ends with an error is refused")
    func failedDump() {
        let kernel = PlayedKernel { [done] sequence in
            [reply(16, sequence, [1]), reply(done, sequence, bytes("edffffff"))]  // -ENODEV
        }
        var conversation = Conversation(kernel)
        let error = #expect(throws: NetlinkError.self) {
            try conversation.dump(MessageBuilder(18), "dump filters", "#3")
        }
        #expect(error?.errno == .noDevice)
    }

    @Test("an error message cut anywhere is malformed, not a crash")
    func cutError() {
        let whole = bytes("efffffff 14000000 1000 0506 00000000 00000000 aabbccdd 0600 0100 4e00")
        for length in 0..<24 {
            let kernel = PlayedKernel { [error] sequence in
                [reply(error, sequence, flags: UInt16(NLM_F_ACK_TLVS), Array(whole.prefix(length)))]
            }
            var conversation = Conversation(kernel)
            let thrown = #expect(throws: NetlinkError.self) {
                try conversation.request(MessageBuilder(16), "add link", "eni0")
            }
            guard case .malformed = thrown else {
                Issue.record("\(length): \(String(describing: thrown))")
                continue
            }
        }
    }

    @Test("a lost socket is an error of the socket")
    func lostSocket() {
        let kernel = PlayedKernel { _ in [] }
        var conversation = Conversation(kernel)
        let error = #expect(throws: NetlinkError.self) {
            try conversation.request(MessageBuilder(16), "add link", "eni0")
        }
        guard case .socket = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}

extension [UInt8] {
    /// Up to the next multiple of four.
    fileprivate var padded: [UInt8] { self + [UInt8](repeating: 0, count: (4 - count % 4) % 4) }
}

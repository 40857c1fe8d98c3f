// Asking and being answered. One request is under way at a time; an answer counts only if its port
// and sequence number are ours, a dump that changed under the reader is repeated, and the kernel's
// error, with its text, becomes ours.

import CLibMNL
import Linux

/// Requests over one transport.
struct Conversation: Sendable {
    /// Dumps of a table that keeps changing, before we give up.
    static let dumpAttempts = 64

    let transport: any Transport
    private var sequence: UInt32 = 0

    init(_ transport: any Transport) { self.transport = transport }

    /// A conversation with the kernel, in a namespace or in the calling thread's own.
    static func open(_ bus: Int32, in namespace: NetworkNamespace?) throws(NetlinkError)
        -> Conversation
    {
        do throws(KernelError) {
            let open = { () throws(KernelError) in Conversation(try KernelSocket(bus: bus)) }
            guard let namespace else { return try open() }
            return try namespace.run(orElse: { $0 }, open)
        } catch {
            throw .socket(error)
        }
    }

    /// Sends a request and waits for its acknowledgement.
    /// - Returns: what came before the acknowledgement: one message for a "get", none for a change.
    mutating func request(
        _ message: MessageBuilder, _ name: String, _ subject: @autoclosure () -> String
    ) throws(NetlinkError) -> [Message] {
        switch try exchange(message, flags: NLM_F_ACK) {
        case .answered(let messages), .interrupted(let messages): return messages
        case .refused(let errno, let explanation):
            throw .refused(
                request: name, subject: subject(), errno: errno, explanation: explanation)
        }
    }

    /// Dumps a table, again and again until it stood still meanwhile.
    mutating func dump(
        _ message: MessageBuilder, _ name: String, _ subject: @autoclosure () -> String = ""
    ) throws(NetlinkError) -> [Message] {
        for _ in 0..<Self.dumpAttempts {
            switch try exchange(message, flags: NLM_F_DUMP) {
            case .answered(let messages): return messages
            case .interrupted: continue
            case .refused(let errno, let explanation):
                throw .refused(
                    request: name, subject: subject(), errno: errno, explanation: explanation)
            }
        }
        throw .interrupted(request: name, attempts: Self.dumpAttempts)
    }

    private enum Answer {
        case answered([Message])
        case interrupted([Message])
        case refused(Errno, String)
    }

    private mutating func exchange(
        _ message: MessageBuilder, flags: Int32
    ) throws(NetlinkError) -> Answer {
        sequence &+= 1
        let datagram = message.sealed(flags: NLM_F_REQUEST | flags, sequence: sequence)
        do throws(KernelError) {
            try transport.send(datagram)
        } catch {
            throw .socket(error)
        }
        var answers: [Message] = []
        var isInterrupted = false
        while true {
            for answer in try receive() {
                // The rest of a conversation that was given up, or somebody else's.
                guard answer.sequence == sequence, answer.port == transport.port else { continue }
                if answer.has(NLM_F_DUMP_INTR) { isInterrupted = true }
                guard answer.is(NLMSG_ERROR) || answer.is(NLMSG_DONE) else {
                    if !answer.is(NLMSG_NOOP) { answers.append(answer) }
                    continue
                }
                if let (errno, explanation) = try refusal(answer) {
                    return .refused(errno, explanation)
                }
                return isInterrupted ? .interrupted(answers) : .answered(answers)
            }
        }
    }

    private func receive() throws(NetlinkError) -> [Message] {
        let datagram: [UInt8]
        do throws(KernelError) {
            datagram = try transport.receive()
        } catch {
            throw .socket(error)
        }
        return try wellFormed { () throws(MalformedMessage) in try Message.all(in: datagram) }
    }

    /// Nil for an acknowledgement and for a dump's good end.
    private func refusal(_ message: Message) throws(NetlinkError) -> (Errno, String)? {
        try wellFormed { () throws(MalformedMessage) in
            var cursor = Cursor(message.payload)
            let code = try cursor.read(Int32.self)
            guard code < 0 else { return nil }
            if message.is(NLMSG_ERROR) {
                let request = try cursor.read(nlmsghdr.self)
                if !message.has(NLM_F_CAPPED) {
                    let echoed = Int(request.nlmsg_len) - MemoryLayout<nlmsghdr>.size
                    _ = try cursor.take(max(0, echoed), of: "echoed request")
                }
            }
            var explanation = ""
            if message.has(NLM_F_ACK_TLVS) {
                explanation = try Attributes(cursor.rest).string(NLMSGERR_ATTR_MSG)
            }
            return (Errno(rawValue: -code), explanation)
        }
    }
}

/// Wraps the codec's error.
func wellFormed<T>(_ body: () throws(MalformedMessage) -> T) throws(NetlinkError) -> T {
    do throws(MalformedMessage) {
        return try body()
    } catch {
        throw .malformed(error)
    }
}

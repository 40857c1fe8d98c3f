// Messages as hex, cut at structure borders, for a little-endian machine as all that we support
// are.

import Testing

@testable import Netlink

/// Bytes from hex; blanks between are for the reader.
func bytes(_ pieces: String...) -> [UInt8] {
    var bytes: [UInt8] = []
    var half: UInt8?
    for character in pieces.joined() where character != " " {
        guard let digit = UInt8(String(character), radix: 16) else {
            preconditionFailure("\(character)")
        }
        if let high = half {
            bytes.append(high << 4 | digit)
            half = nil
        } else {
            half = digit
        }
    }
    precondition(half == nil, "an odd number of digits")
    return bytes
}

/// The only message of a datagram.
func message(_ datagram: [UInt8]) throws -> Message {
    let messages = try Message.all(in: datagram)
    #expect(messages.count == 1)
    return try #require(messages.first)
}

/// Reads the message cut at every length, once with the header's length as it was and once with a
/// header that admits the cut. The first must always throw; the second may, or reads what is left.
func expectNoCrash(
    cutting datagram: [UInt8], _ read: (Message) throws -> Void,
    at location: SourceLocation = #_sourceLocation
) {
    for length in 1..<datagram.count {
        let cut = Array(datagram.prefix(length))
        #expect(throws: MalformedMessage.self, sourceLocation: location) {
            _ = try Message.all(in: cut)
        }
        guard length >= 16 else { continue }
        var admitted = cut
        admitted.replaceSubrange(0..<4, with: [UInt8(length & 0xff), UInt8(length >> 8), 0, 0])
        do {
            let messages = try Message.all(in: admitted)
            for message in messages { try read(message) }
        } catch {
            #expect(error is MalformedMessage, sourceLocation: location)
        }
    }
}

// JSON (RFC 8259) → tree. Strict: what it refuses is unparsable, never half read. Foundation's
// parser would do, but says neither line nor column of what is wrong.

/// A reader that walks over the bytes once.
struct JSONText {
    private let bytes: [UInt8]
    private var position = 0
    private var values = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The one value that the text consists of.
    static func parse(_ bytes: [UInt8]) throws(UnparsableText) -> ManifestValue {
        var text = JSONText(bytes)
        let value = try text.value(depth: 0)
        text.skipSpace()
        guard text.position == bytes.count else { throw text.failure("text after the value") }
        return value
    }

    private mutating func value(depth: Int) throws(UnparsableText) -> ManifestValue {
        guard depth < ManifestLimit.depth else { throw failure("nested too deeply") }
        values += 1
        guard values <= ManifestLimit.values else { throw failure("too many values") }
        skipSpace()
        guard let byte = peek else { throw failure("the text ends too early") }
        switch byte {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object(depth: Int) throws(UnparsableText) -> ManifestValue {
        position += 1
        var members: [String: ManifestValue] = [:]
        skipSpace()
        if take("}") { return .map(members) }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw failure("expected a member's name") }
            let name = try string()
            skipSpace()
            guard take(":") else { throw failure("expected ':'") }
            guard members.updateValue(try value(depth: depth + 1), forKey: name) == nil else {
                throw failure("a second member \"\(name)\"")
            }
            skipSpace()
        } while take(",")
        guard take("}") else { throw failure("expected ',' or '}'") }
        return .map(members)
    }

    private mutating func list(depth: Int) throws(UnparsableText) -> ManifestValue {
        position += 1
        var elements: [ManifestValue] = []
        skipSpace()
        if take("]") { return .list(elements) }
        repeat {
            elements.append(try value(depth: depth + 1))
            skipSpace()
        } while take(",")
        guard take("]") else { throw failure("expected ',' or ']'") }
        return .list(elements)
    }

    private mutating func string() throws(UnparsableText) -> String {
        position += 1
        var content: [UInt8] = []
        while let byte = peek {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw failure("a string that is no UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): content += try escape()
            case 0..<0x20: throw failure("a control character in a string")
            default: content.append(byte)
            }
        }
        throw failure("a string without an end")
    }

    /// The UTF-8 of what follows a backslash.
    private mutating func escape() throws(UnparsableText) -> [UInt8] {
        guard let byte = peek else { throw failure("a string without an end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "u"):
            let unit = try hexUnit()
            var scalar = UInt32(unit)
            if unit & 0xfc00 == 0xd800 {
                guard take("\\"), take("u") else { throw failure("half a surrogate pair") }
                let low = try hexUnit()
                guard low & 0xfc00 == 0xdc00 else { throw failure("half a surrogate pair") }
                scalar = 0x10000 + (UInt32(unit & 0x3ff) << 10 | UInt32(low & 0x3ff))
            }
            guard let character = Unicode.Scalar(scalar) else {
                throw failure("half a surrogate pair")
            }
            return Array(String(Character(character)).utf8)
        default: throw failure("an unknown escape")
        }
    }

    private mutating func hexUnit() throws(UnparsableText) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw failure("expected four hex digits")
            }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }

    private mutating func number() throws(UnparsableText) -> ManifestValue {
        let start = position
        _ = take("-")
        let isZero = peek == UInt8(ascii: "0")
        let whole = digits()
        guard whole > 0, !isZero || whole == 1 else { throw failure("expected a value") }
        if take("."), digits() == 0 { throw failure("expected digits") }
        if take("e") || take("E") {
            _ = take("+") || take("-")
            if digits() == 0 { throw failure("expected digits") }
        }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            position += 1
        }
        return position - start
    }

    private mutating func word(
        _ word: StaticString, _ value: ManifestValue
    ) throws(UnparsableText) -> ManifestValue {
        let text = word.withUTF8Buffer { Array($0) }
        guard bytes[position...].starts(with: text) else { throw failure("expected a value") }
        position += text.count
        return value
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 32 || (9...13).contains(byte) && byte != 11 && byte != 12 {
            position += 1
        }
    }

    private func failure(_ problem: String) -> UnparsableText {
        let before = bytes[..<min(position, bytes.count)]
        let line = before.count { $0 == 10 } + 1
        let column = before.count - (before.lastIndex(of: 10).map { $0 + 1 } ?? 0) + 1
        return UnparsableText(reason: "line \(line), column \(column): \(problem)")
    }
}

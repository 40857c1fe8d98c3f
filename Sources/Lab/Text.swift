// Values in the lab's JSON are written as people write them ("10.0.16.10"), yet typed in Swift.

/// A property that is a value in Swift and its text form in JSON.
@propertyWrapper
package struct Text<Value: LosslessStringConvertible & Hashable & Sendable>: Codable, Hashable,
    Sendable
{
    package var wrappedValue: Value

    package init(wrappedValue: Value) { self.wrappedValue = wrappedValue }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Value(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "\(text) is no \(Value.self)")
        }
        wrappedValue = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue.description)
    }
}

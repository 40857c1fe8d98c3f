// Members by key, for the indexes that keep the cost of a change proportional to the change.

/// A set of members for each key. Groups that become empty vanish, so that equal contents are equal
/// values whatever came and went before.
package struct Groups<Key: Hashable & Sendable, Member: Hashable & Sendable>: Equatable, Sendable {
    private var members: [Key: Set<Member>] = [:]

    package init() {}

    /// Every member under the key; empty when there is none.
    package subscript(key: Key) -> Set<Member> { members[key] ?? [] }

    /// Keys with at least one member.
    package var keys: some Collection<Key> & Sendable { members.keys }

    /// Adds a member to the group; twice is once.
    package mutating func insert(_ member: Member, for key: Key) {
        members[key, default: []].insert(member)
    }

    /// Takes a member out of the group; an empty group is forgotten.
    package mutating func remove(_ member: Member, for key: Key) {
        members[key]?.remove(member)
        if members[key]?.isEmpty == true { members[key] = nil }
    }
}

// The names of the reasons that programs count, as people read them. The numbers and what each
// means stand once, in bpf/shared/reasons.h; a test holds this table against that header.

internal import CDatapath

/// Why a packet or a dial went where it went.
package struct Reason: Hashable, Sendable, Comparable {
    /// The key in the map `counters`.
    package let number: UInt32
    /// E.g. `pod_to_pod`; the header's name in lower case, a metric label and a JSON value.
    package let name: String

    init(_ reason: reason, _ name: String) {
        number = UInt32(reason.rawValue)
        self.name = name
    }

    /// Nil for a number that no program of this version writes.
    package init?(number: UInt32) {
        guard let known = Self.byNumber[number] else { return nil }
        self = known
    }

    private static let byNumber = Dictionary(uniqueKeysWithValues: all.map { ($0.number, $0) })

    package static func < (a: Reason, b: Reason) -> Bool { a.number < b.number }

    /// Every reason that a program counts, by number.
    package static let all: [Reason] = [
        Reason(REASON_DIAL_TRANSLATED, "dial_translated"),
        Reason(REASON_SEND_TRANSLATED, "send_translated"),
        Reason(REASON_RECEIVE_RENAMED, "receive_renamed"),
        Reason(REASON_PEER_RENAMED, "peer_renamed"),
        Reason(REASON_REFUSED_NO_BACKEND, "refused_no_backend"),
        Reason(REASON_DECLINED, "declined"),
        Reason(REASON_NAMES_FULL, "names_full"),
        Reason(REASON_NAME_CONFLICT, "name_conflict"),
        Reason(REASON_SLOT_MISSING, "slot_missing"),
        Reason(REASON_EXCLUDED, "excluded"),
        Reason(REASON_POD_TO_POD, "pod_to_pod"),
        Reason(REASON_POD_TO_ENI, "pod_to_eni"),
        Reason(REASON_ENI_TO_POD, "eni_to_pod"),
        Reason(REASON_STACK_NOT_IP, "stack_not_ip"),
        Reason(REASON_STACK_PROTOCOL, "stack_protocol"),
        Reason(REASON_STACK_FRAGMENT, "stack_fragment"),
        Reason(REASON_STACK_OPTIONS, "stack_options"),
        Reason(REASON_STACK_TTL, "stack_ttl"),
        Reason(REASON_STACK_OVERSIZE, "stack_oversize"),
        Reason(REASON_STACK_ADDRESS, "stack_address"),
        Reason(REASON_STACK_SOURCE, "stack_source"),
        Reason(REASON_STACK_LOCAL, "stack_local"),
        Reason(REASON_STACK_NOT_A_POD, "stack_not_a_pod"),
        Reason(REASON_STACK_OUTSIDE_VPC, "stack_outside_vpc"),
        Reason(REASON_STACK_WATCHED, "stack_watched"),
        Reason(REASON_STACK_NO_ENI, "stack_no_eni"),
        Reason(REASON_STACK_NO_MAC, "stack_no_mac"),
        Reason(REASON_STACK_CONNTRACK, "stack_conntrack"),
        Reason(REASON_TRANSLATED_TO_POD, "translated_to_pod"),
        Reason(REASON_TRANSLATED_TO_ENI, "translated_to_eni"),
        Reason(REASON_TRANSLATED_TO_STACK, "translated_to_stack"),
        Reason(REASON_TRANSLATED_TO_HOST, "translated_to_host"),
        Reason(REASON_FLOW_MADE, "flow_made"),
        Reason(REASON_FLOW_REOPENED, "flow_reopened"),
        Reason(REASON_ICMP_TRANSLATED, "icmp_translated"),
        Reason(REASON_FRAGMENT_TRANSLATED, "fragment_translated"),
        Reason(REASON_FRAGMENT_HELD, "fragment_held"),
        Reason(REASON_REJECTED_NO_BACKEND, "rejected_no_backend"),
        Reason(REASON_ANSWERED_TTL, "answered_ttl"),
        Reason(REASON_ANSWERED_OVERSIZE, "answered_oversize"),
        Reason(REASON_DROP_POLICY, "drop_policy"),
        Reason(REASON_DROP_SOURCE_RANGE, "drop_source_range"),
        Reason(REASON_DROP_FLOWS_FULL, "drop_flows_full"),
        Reason(REASON_DROP_FLOW_RATE, "drop_flow_rate"),
        Reason(REASON_DROP_NO_PORT, "drop_no_port"),
        Reason(REASON_DROP_SPOOFED, "drop_spoofed"),
        Reason(REASON_DROP_MARTIAN, "drop_martian"),
        Reason(REASON_DROP_WATCHED, "drop_watched"),
        Reason(REASON_DROP_NO_ROAD, "drop_no_road"),
        Reason(REASON_DROP_FRAGMENT, "drop_fragment"),
        Reason(REASON_DROP_RACE, "drop_race"),
        Reason(REASON_DROP_TRUNCATED, "drop_truncated"),
        Reason(REASON_DROP_ANSWER_RATE, "drop_answer_rate"),
        Reason(REASON_DROP_UNANSWERED, "drop_unanswered"),
    ]
}

/// What was counted for one reason, summed over all CPUs since the maps were made.
package struct Count: Hashable, Sendable {
    /// Packets, or dials.
    package var packets: UInt64
    /// Bytes with the Ethernet header; 0 for dials.
    package var bytes: UInt64
}

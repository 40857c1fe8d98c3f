// Every pinned map, opened and typed. Whoever holds a MapSet can read and write all of the
// datapath's state; nobody else opens a map.

internal import BPF
internal import CDatapath
internal import Model

/// The maps of one pin directory.
final class MapSet: Sendable {
    let services4: BPFMap<frontend4, service_head>
    let services6: BPFMap<frontend6, service_head>
    let slots: BPFMap<slot_key, slot>
    let members: BPFMap<member_key, member>
    let backends4: BPFMap<UInt32, backend4>
    let backends6: BPFMap<UInt32, backend6>
    let podToVeth4: BPFMap<address4, pod_veth>
    let podToVeth6: BPFMap<address6, pod_veth>
    let podToENI4: BPFMap<address4, pod_eni4>
    let podToENI6: BPFMap<address6, pod_eni6>
    let localAddresses4: BPFMap<address4, local_address>
    let localAddresses6: BPFMap<address6, local_address>
    let prefixes4: BPFMap<prefix4, prefix_class>
    let prefixes6: BPFMap<prefix6, prefix_class>
    let namespaces: BPFMap<UInt64, namespace_addresses>
    let excludedCgroups: BPFMap<UInt64, exclusion>
    let sourceRanges4: BPFMap<source_range4, source_verdict>
    let sourceRanges6: BPFMap<source_range6, source_verdict>
    let enis: BPFMap<eni_key, eni_egress>
    let veths: BPFMap<UInt32, veth_addresses>
    let settings: BPFMap<UInt32, CDatapath.settings>
    let flows4: BPFMap<flow_key4, flow4>
    let flows6: BPFMap<flow_key6, flow6>
    let control: BPFMap<UInt32, CDatapath.control>
    let counters: PerCPUMap<UInt32, counter>

    /// Opens what is pinned. Errors: ENOENT where nothing is; a mismatch names the map.
    ///
    /// - Parameter flows: where the flow tables are pinned that the programs use.
    init(_ pins: Pins, flows: FlowTablePins? = nil) throws(BPFError) {
        let flows = flows ?? FlowTablePins(found: pins)
        services4 = try BPFMap(pinned: pins.map("services4"))
        services6 = try BPFMap(pinned: pins.map("services6"))
        slots = try BPFMap(pinned: pins.map("service_slots"))
        members = try BPFMap(pinned: pins.map("affinity_members"))
        backends4 = try BPFMap(pinned: pins.map("backends4"))
        backends6 = try BPFMap(pinned: pins.map("backends6"))
        podToVeth4 = try BPFMap(pinned: pins.map("pod_to_veth4"))
        podToVeth6 = try BPFMap(pinned: pins.map("pod_to_veth6"))
        podToENI4 = try BPFMap(pinned: pins.map("pod_to_eni4"))
        podToENI6 = try BPFMap(pinned: pins.map("pod_to_eni6"))
        localAddresses4 = try BPFMap(pinned: pins.map("local_addresses4"))
        localAddresses6 = try BPFMap(pinned: pins.map("local_addresses6"))
        prefixes4 = try BPFMap(pinned: pins.map("vpc_cidrs4"))
        prefixes6 = try BPFMap(pinned: pins.map("vpc_cidrs6"))
        namespaces = try BPFMap(pinned: pins.map("namespaces"))
        excludedCgroups = try BPFMap(pinned: pins.map("excluded_cgroups"))
        sourceRanges4 = try BPFMap(pinned: pins.map("source_ranges4"))
        sourceRanges6 = try BPFMap(pinned: pins.map("source_ranges6"))
        enis = try BPFMap(pinned: pins.map("enis"))
        veths = try BPFMap(pinned: pins.map("veths"))
        settings = try BPFMap(pinned: pins.map("settings"))
        flows4 = try BPFMap(pinned: pins.map(flows.live(.v4)))
        flows6 = try BPFMap(pinned: pins.map(flows.live(.v6)))
        control = try BPFMap(pinned: pins.map("control"))
        counters = try PerCPUMap(pinned: pins.map("counters"))
    }
}

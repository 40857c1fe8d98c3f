// From the embedded objects to loaded programs over the pinned maps. Nothing is attached here:
// until all objects are through the verifier, what runs stays what it was.

internal import BPF

/// A loaded program that several owners may hold.
final class LoadedProgram: Sendable {
    let program: BPFProgram
    /// The kernel's id, by which queries of hooks name it.
    let id: UInt32

    init(_ program: consuming BPFProgram) throws(BPFError) {
        id = try program.info().id
        self.program = program
    }
}

/// Every program that we attach, loaded for one generation.
struct LoadedPrograms: Sendable {
    let pod: LoadedProgram
    let podOut: LoadedProgram
    let eni: LoadedProgram
    let eniOut: LoadedProgram
    let xdp: LoadedProgram
    let socket: [SocketHook: LoadedProgram]

    /// Loads all objects over the maps pinned in `pins`, making those that are not there yet.
    /// - Parameters:
    ///   - generation: the one that the programs act for; never 0.
    ///   - asksConntrack: whether this kernel can be asked about a flow.
    ///   - hostNamespace: the cookie of the node's network namespace.
    ///   - flows: which flow tables the programs use, and how large a new one is.
    init(
        pins: Pins, flows: FlowTablePins, generation: UInt32, asksConntrack: Bool,
        hostNamespace: UInt64
    ) throws(DatapathError) {
        let socketObject = try Self.load(
            "socket", SocketObject.base64, pins, flows, generation, hostNamespace: hostNamespace)
        var socket: [SocketHook: LoadedProgram] = [:]
        for hook in SocketHook.allCases {
            socket[hook] = try Self.program(hook.rawValue, of: socketObject)
        }
        self.socket = socket
        func load(
            _ hook: InterfaceHook, _ base64: StaticString
        ) throws(DatapathError) -> LoadedProgram {
            let object = try Self.load(
                hook.rawValue, base64, pins, flows, generation, asksConntrack)
            return try Self.program(hook.program, of: object)
        }
        pod = try load(.pod, PodObject.base64)
        podOut = try load(.podOut, PodOutObject.base64)
        eni = try load(.eni, EniObject.base64)
        eniOut = try load(.eniOut, EniOutObject.base64)
        let xdpObject = try Self.load(
            "xdp", XdpObject.base64, pins, flows, generation, asksConntrack)
        xdp = try Self.program("needletail_xdp", of: xdpObject)
    }

    /// The program that belongs on a hook.
    func program(of hook: InterfaceHook) -> LoadedProgram {
        switch hook {
        case .pod: pod
        case .podOut: podOut
        case .eni: eni
        case .eniOut: eniOut
        }
    }

    private static func load(
        _ name: String, _ base64: StaticString, _ pins: Pins, _ flows: FlowTablePins,
        _ generation: UInt32, _ asksConntrack: Bool? = nil, hostNamespace: UInt64? = nil
    ) throws(DatapathError) -> BPFObject {
        do throws(BPFError) {
            let object = try BPFObject(base64: base64, name: name)
            try object.setConstant("generation", generation)
            if let asksConntrack, object.hasConstant("conntrack_lookup") {
                try object.setConstant("conntrack_lookup", asksConntrack)
            }
            if let hostNamespace { try object.setConstant("host_namespace", hostNamespace) }
            for map in object.mapNames where map != "socket_services" || name == "socket" {
                let table = flows.table(ofMap: map)
                if let entries = table?.entries { try object.setMaxEntries(map: map, entries) }
                try object.pinMap(map, at: pins.map(table?.live ?? map))
            }
            try object.load()
            return object
        } catch {
            throw .load(object: name, error)
        }
    }

    private static func program(
        _ name: String, of object: borrowing BPFObject
    ) throws(DatapathError) -> LoadedProgram {
        let name = name
        do throws(BPFError) {
            return try LoadedProgram(try object.program(name))
        } catch {
            throw .load(object: object.name, error)
        }
    }
}

// What can be said about an object before it is loaded: constants, sizes, pins, what to leave out.
// Constants are `const volatile` globals: the verifier knows their values and removes dead
// branches, so one object serves every configuration without an #ifdef.

import CLibBPF
import Glibc

extension BPFObject {
    /// Sets the `const volatile` global `constant` of the C source; its size must be `Value`'s.
    ///
    /// Errors: `missing`; `mismatch`; EINVAL once the object is loaded. A static global can't be
    /// set.
    public func setConstant<Value: BitwiseCopyable>(
        _ constant: String, _ value: Value
    ) throws(BPFError) {
        let subject = "constant \(constant) in object \(name)"
        guard let section = maps.first(where: { isConstants($0) }), let place = place(of: constant)
        else {
            throw .missing(subject)
        }
        try demand(subject, "size", MemoryLayout<Value>.size, place.count)
        var size = 0
        guard let initial = bpf_map__initial_value(section, &size), place.upperBound <= size else {
            throw .missing(subject)
        }
        var bytes = Array(UnsafeRawBufferPointer(start: initial, count: size))
        bytes.withUnsafeMutableBytes {
            $0.storeBytes(of: value, toByteOffset: place.lowerBound, as: Value.self)
        }
        try check(
            bpf_map__set_initial_value(section, bytes, size), "bpf_map__set_initial_value", subject)
    }

    /// Whether the C source has a `const volatile` global of that name.
    public func hasConstant(_ constant: String) -> Bool { place(of: constant) != nil }

    private func isConstants(_ map: OpaquePointer) -> Bool {
        bpf_map__is_internal(map) && String(cString: bpf_map__name(map)).hasSuffix(".rodata")
    }

    /// Where a global lies within .rodata, from the BTF of that section.
    private func place(of constant: String) -> Range<Int>? {
        guard let btf = bpf_object__btf(raw) else { return nil }
        let id = btf__find_by_name_kind(btf, ".rodata", UInt32(BPFSHIM_BTF_DATASEC))
        guard id > 0, let section = btf__type_by_id(btf, UInt32(id)),
            let members = btf_var_secinfos(section)
        else { return nil }
        for index in 0..<Int(btf_vlen(section)) {
            let member = members[index]
            guard let variable = btf__type_by_id(btf, member.type),
                let name = btf__name_by_offset(btf, variable.pointee.name_off)
            else { continue }
            if String(cString: name) == constant {
                return Int(member.offset)..<Int(member.offset + member.size)
            }
        }
        return nil
    }

    /// Gives a map another size than the C source; for arrays and hashes, entries. Before `load`.
    public func setMaxEntries(map: String, _ count: UInt32) throws(BPFError) {
        try check(
            bpf_map__set_max_entries(rawMap(map), count), "bpf_map__set_max_entries", "map \(map)")
    }

    /// Pins a map at `path` when the object is loaded, or takes over the map that is pinned there.
    ///
    /// The folder must exist and lie in a bpffs. `load` refuses a pinned map of another shape.
    public func pinMap(_ map: String, at path: String) throws(BPFError) {
        try check(bpf_map__set_pin_path(rawMap(map), path), "bpf_map__set_pin_path", "map \(map)")
    }

    /// Makes the object use `shared`, a map that is already loaded, in place of creating its own.
    ///
    /// Errors: `mismatch` if it has another shape.
    public func useMap<Key, Value>(
        _ map: String, _ shared: borrowing BPFMap<Key, Value>
    ) throws(BPFError) {
        let declared = try rawMap(map)
        try demandShape(of: declared, shared.info, "map \(map)")
        try check(bpf_map__reuse_fd(declared, shared.descriptor), "bpf_map__reuse_fd", "map \(map)")
    }

    /// Leaves a program out: `load` does not show it to the kernel. Before `load`.
    public func leaveOut(program: String) throws(BPFError) {
        try check(
            bpf_program__set_autoload(rawProgram(program), false), "bpf_program__set_autoload",
            "program \(program)")
    }

    /// Tells the first difference between a map as declared and one that exists.
    func demandShape(
        of declared: OpaquePointer, _ found: MapInfo, _ subject: String
    ) throws(BPFError) {
        try demand(
            subject, "type", MapType(rawValue: bpf_map__type(declared).rawValue), found.type)
        try demand(subject, "key size", bpf_map__key_size(declared), found.keySize)
        try demand(subject, "value size", bpf_map__value_size(declared), found.valueSize)
        try demand(subject, "max entries", bpf_map__max_entries(declared), found.maxEntries)
        try demand(subject, "flags", bpf_map__map_flags(declared), found.flags)
    }
}

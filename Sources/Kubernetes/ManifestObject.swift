// One object of a manifest, as far as a node reads its kind: which object it is, and what it says
// or why it says nothing.

import Model

/// Which object.
enum ObjectKey: Hashable, Sendable {
    case service(ObjectName)
    case endpointSlice(ObjectName)
    case node(String)
    case serviceCIDR(String)
}

extension ObjectKey: CustomStringConvertible {
    var description: String {
        switch self {
        case .service(let name): "Service \(name)"
        case .endpointSlice(let name): "EndpointSlice \(name)"
        case .node(let name): "Node \(name)"
        case .serviceCIDR(let name): "ServiceCIDR \(name)"
        }
    }
}

/// What a well-formed object says.
enum ObjectState: Hashable, Sendable {
    case service(Service)
    /// Nil: a slice that no Service can use.
    case endpointSlice(EndpointSlice?)
    case node(Node)
    case serviceCIDR(ServiceCIDR)
}

/// One object of a file.
enum ManifestObject: Equatable, Sendable {
    case good(ObjectKey, ObjectState)
    /// Its name is known, so that its last good state can stay.
    case refused(ObjectKey, reason: String)
    /// Not even its name can be told.
    case nameless(description: String, reason: String)
    /// Of a kind that a node doesn't read.
    case ignored(description: String)
}

extension ManifestObject {
    private enum Kind: String {
        case service = "v1 Service"
        case endpointSlice = "discovery.k8s.io/v1 EndpointSlice"
        case node = "v1 Node"
        case serviceCIDR = "networking.k8s.io/v1 ServiceCIDR"
        case serviceCIDRBeta = "networking.k8s.io/v1beta1 ServiceCIDR"
    }

    /// Flattens a document: `List` and typed lists (`ServiceList`) hold objects, to any depth.
    /// - Parameter description: what to call an object without a name, e.g. `document 2`.
    static func read(_ document: ManifestValue, description: String) -> [ManifestObject] {
        read(ObjectField(document), description: description, inherited: nil)
    }

    private static func read(
        _ object: ObjectField, description: String, inherited: (apiVersion: String, kind: String)?
    ) -> [ManifestObject] {
        do throws(MalformedObject) {
            let version = try object.member("apiVersion").string() ?? inherited?.apiVersion
            let kind = try object.member("kind").string() ?? inherited?.kind
            guard let version, let kind else {
                throw MalformedObject(path: "", problem: "has no apiVersion or no kind")
            }
            guard kind.hasSuffix("List") else {
                return [
                    read(object, Kind(rawValue: "\(version) \(kind)"), "\(description) (\(kind))")
                ]
            }
            // Items of a LIST answer have neither kind nor apiVersion.
            let item = kind == "List" ? nil : (apiVersion: version, kind: String(kind.dropLast(4)))
            return try object.member("items").elements().enumerated().flatMap { index, element in
                read(
                    ObjectField(element.value), description: "\(description), item \(index + 1)",
                    inherited: item)
            }
        } catch {
            return [.nameless(description: description, reason: error.reason)]
        }
    }

    private static func read(
        _ object: ObjectField, _ kind: Kind?, _ description: String
    ) -> ManifestObject {
        guard let kind else { return .ignored(description: description) }
        let (key, namespace): (ObjectKey, String)
        do throws(MalformedObject) {
            let metadata = try object.member("metadata")
            let name = try metadata.member("name").required()
            let given = try metadata.member("namespace").string() ?? ""
            namespace = given.isEmpty ? "default" : given
            let full = ObjectName(namespace: namespace, name: name)
            key =
                switch kind {
                case .service: .service(full)
                case .endpointSlice: .endpointSlice(full)
                case .node: .node(name)
                case .serviceCIDR, .serviceCIDRBeta: .serviceCIDR(name)
                }
        } catch {
            return .nameless(description: description, reason: error.reason)
        }
        do throws(MalformedObject) {
            return .good(key, try state(of: object, kind, namespace: namespace))
        } catch {
            return .refused(key, reason: error.reason)
        }
    }

    private static func state(
        of object: ObjectField, _ kind: Kind, namespace: String
    ) throws(MalformedObject) -> ObjectState {
        switch kind {
        case .service: .service(try Service(manifest: object))
        case .endpointSlice:
            .endpointSlice(try EndpointSlice.read(manifest: object, namespace: namespace))
        case .node: .node(try Node(manifest: object))
        case .serviceCIDR, .serviceCIDRBeta: .serviceCIDR(try ServiceCIDR(manifest: object))
        }
    }
}

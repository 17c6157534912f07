/**
 * A cluster on Kubernetes: a StatefulSet whose pods find each other by the DNS name of a headless Service, a Service for clients, a budget that
 * keeps a quorum, and a network policy. Pure.
 */
import { environmentOf, PORT, REACHABLE, type Settings, STOP_SECONDS } from './settings.js';

const NAME = 'cairn';
/** Where the pods find each other. */
const PEERS = 'cairn-peers';
/** The user `node` of the image. */
const USER = 1000;

/** `$(…)` is filled in by Kubernetes, from variables that stand before. */
function settingsOf(nodes: number): Settings {
  const domain = `${PEERS}.$(POD_NAMESPACE).svc`;
  return {
    Db: '/data/log',
    ...REACHABLE,
    NodePort: `${PORT}`,
    NodeHostAdvertiseAs: `$(POD_NAME).${domain}`,
    ClusterSize: `${nodes}`,
    ClusterDns: domain,
    ClusterGossipPort: `${PORT}`,
    LogConsoleFormat: 'Json',
  };
}

export function kubernetesFile(nodes: number): string {
  return [headlessService(), clientService(), budget(), networkPolicy(), statefulSet(nodes)].join('---\n');
}

function headlessService(): string {
  return `# Where the pods find each other, ready or not: a cluster is founded before anybody is ready.
apiVersion: v1
kind: Service
metadata:
  name: ${PEERS}
  labels: { app: ${NAME} }
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector: { app: ${NAME} }
  ports:
    - { name: cairn, port: ${PORT}, targetPort: cairn }
`;
}

function clientService(): string {
  return `# For clients: any pod that is ready. They learn of the others from it.
apiVersion: v1
kind: Service
metadata:
  name: ${NAME}
  labels: { app: ${NAME} }
spec:
  selector: { app: ${NAME} }
  ports:
    - { name: cairn, port: ${PORT}, targetPort: cairn }
`;
}

function budget(): string {
  return `# One pod at a time may be taken away on purpose, so that a quorum stays.
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: ${NAME}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: { app: ${NAME} }
`;
}

function networkPolicy(): string {
  return `# There is no TLS or authentication yet: only the nodes, and pods with the label cairn-client, reach the port.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: ${NAME}
spec:
  podSelector:
    matchLabels: { app: ${NAME} }
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector:
            matchLabels: { app: ${NAME} }
        - podSelector:
            matchLabels: { cairn-client: "true" }
      ports:
        - { protocol: TCP, port: cairn }
`;
}

function statefulSet(nodes: number): string {
  return `apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: ${NAME}
  labels: { app: ${NAME} }
spec:
  serviceName: ${PEERS}
  replicas: ${nodes}
  # All at once: a cluster is founded when all of its first nodes have met. Updates still go one by one.
  podManagementPolicy: Parallel
  updateStrategy:
    type: RollingUpdate
  # A pod counts as back only when it has been ready for a while: then it has caught up.
  minReadySeconds: 10
  selector:
    matchLabels: { app: ${NAME} }
  template:
    metadata:
      labels: { app: ${NAME} }
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "${PORT}"
        prometheus.io/path: /metrics
    spec:
      terminationGracePeriodSeconds: ${STOP_SECONDS}
      securityContext:
        runAsNonRoot: true
        runAsUser: ${USER}
        runAsGroup: ${USER}
        fsGroup: ${USER}
        seccompProfile: { type: RuntimeDefault }
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - topologyKey: kubernetes.io/hostname
              labelSelector:
                matchLabels: { app: ${NAME} }
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: topology.kubernetes.io/zone
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: { app: ${NAME} }
      containers:
        - name: cairn
          # Build it with docs/deploy/Dockerfile, and push it where the cluster finds it.
          image: cairndb:0.1.0
          args: ["node"]
          ports:
            - { name: cairn, containerPort: ${PORT} }
          env:
            - { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
            - { name: POD_NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
${environmentLines(nodes)}          startupProbe:
            httpGet: { path: /health/live, port: cairn }
            periodSeconds: 2
            # Ten minutes: a long log is read once at the start.
            failureThreshold: 300
          livenessProbe:
            httpGet: { path: /health/live, port: cairn }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: { path: /health/ready, port: cairn }
            periodSeconds: 2
            timeoutSeconds: 2
            failureThreshold: 2
          resources:
            requests: { cpu: "1", memory: 1Gi }
            limits: { memory: 4Gi }
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: { drop: [ALL] }
          volumeMounts:
            - { name: data, mountPath: /data }
  volumeClaimTemplates:
    - metadata:
        name: data
      spec:
        accessModes: [ReadWriteOnce]
        resources:
          requests:
            storage: 100Gi
`;
}

function environmentLines(nodes: number): string {
  return environmentOf(settingsOf(nodes))
    .map(([name, value]) => `            - { name: ${name}, value: "${value}" }\n`)
    .join('');
}

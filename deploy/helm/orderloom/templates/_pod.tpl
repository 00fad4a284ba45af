{{- /*
The parts of pods. Each takes (dict "root" $ "component" "worker" "values" .Values.worker), and some more that they name.
*/ -}}

{{- define "orderloom.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "orderloom.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* DATABASE_URL as the processes have it, or with "owner" as what changes the schema has it. */ -}}
{{- define "orderloom.databaseEnv" -}}
{{- $ref := .root.Values.database.runtime -}}
{{- if .owner }}{{ $ref = .root.Values.database.owner | default .root.Values.database.runtime }}{{ end -}}
{{- if and .owner (not $ref.name) }}{{ $ref = .root.Values.database.runtime }}{{ end -}}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef: {name: {{ $ref.name | quote }}, key: {{ $ref.key | quote }}}
{{- end -}}

{{- /* Secrets that a component has no use for. */ -}}
{{- define "orderloom.needless" -}}
{{- $keys := list "ORDERLOOM_MASTER_KEYS" "ORDERLOOM_INDEX_KEYS" -}}
{{- $api := list "ORDERLOOM_API_KEYS" "STRIPE_API_KEY" "STRIPE_WEBHOOK_SECRET" -}}
{{- $of := dict "projector" (append $api "ORDERLOOM_CODEC_TOKEN")
  "worker" (list "ORDERLOOM_API_KEYS" "ORDERLOOM_CODEC_TOKEN")
  "api" (list "ORDERLOOM_CODEC_TOKEN") "all" (list "ORDERLOOM_CODEC_TOKEN")
  "setup" (concat $keys $api (list "ORDERLOOM_PAYLOAD_KEYS" "ORDERLOOM_CODEC_TOKEN" "REDIS_URL"))
  "codec-server" (concat $keys $api (list "REDIS_URL" "KAFKA_SASL_PASSWORD" "SCHEMA_REGISTRY_PASSWORD" "TEMPORAL_API_KEY")) -}}
{{- dict "names" (get $of .component) | toJson -}}
{{- end -}}

{{- /*
Settings and secrets, in the order of their names. "without" lists names that somebody else sets. The codec server talks
to nobody, so it gets no settings of servers.
*/ -}}
{{- define "orderloom.settingsEnv" -}}
{{- $without := concat (.without | default list) (include "orderloom.needless" . | fromJson).names -}}
{{- $all := mergeOverwrite (dict) .root.Values.settings (.values.settings | default dict) -}}
{{- $only := ternary "^(ORDERLOOM_(CODEC|LOG|PAYLOAD|TRACE)|OTEL)_" "" (eq .component "codec-server") -}}
{{- range $name := keys $all | sortAlpha }}
{{- if and (not (has $name $without)) (regexMatch $only $name) }}
- name: {{ $name }}
  value: {{ get $all $name | toString | quote }}
{{- end }}
{{- end }}
{{- range $name, $ref := .root.Values.secrets }}
{{- if and $ref (not (has $name $without)) }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef: {name: {{ $ref.name | quote }}, key: {{ $ref.key | quote }}}
{{- end }}
{{- end }}
{{- end -}}

{{- /* What the chart itself tells a serving role: where to listen, and how to stop. */ -}}
{{- define "orderloom.servingEnv" -}}
{{- $v := .root.Values -}}
{{- if has .component (list "api" "all") }}
- name: ORDERLOOM_HTTP_ADDRESS
  value: ":8080"
{{- if $v.api.tls.secretName }}
- name: ORDERLOOM_HTTP_TLS_CERT_PATH
  value: /etc/orderloom/tls/tls.crt
- name: ORDERLOOM_HTTP_TLS_KEY_PATH
  value: /etc/orderloom/tls/tls.key
{{- end }}
{{- else }}
# Only the address for operations is reached from outside of the pod.
- name: ORDERLOOM_HTTP_ADDRESS
  value: "127.0.0.1:8080"
{{- end }}
- name: ORDERLOOM_OPERATIONS_ADDRESS
  value: ":9464"
- name: ORDERLOOM_DRAIN_DELAY
  value: {{ printf "%ds" (int $v.drain.delaySeconds) }}
- name: ORDERLOOM_DRAIN_TIMEOUT
  value: {{ printf "%ds" (int $v.drain.timeoutSeconds) }}
{{- if and (eq $v.versioning.by "buildId") (has .component (list "worker" "all" "api")) }}
- name: ORDERLOOM_DEPLOYMENT
  value: {{ $v.versioning.deployment | quote }}
- name: ORDERLOOM_BUILD_ID
  value: {{ $v.versioning.buildId | default (include "orderloom.version" .root) | quote }}
{{- end }}
{{- end -}}

{{- define "orderloom.volumes" -}}
- name: data
  emptyDir: {sizeLimit: 64Mi}
{{- range $name, $of := .root.Values.certificates }}
- name: certificates-{{ $name }}
  secret: {secretName: {{ $of.secretName | quote }}, defaultMode: 0440}
{{- end }}
{{- if and (has .component (list "api" "all")) .root.Values.api.tls.secretName }}
- name: tls
  secret: {secretName: {{ .root.Values.api.tls.secretName | quote }}, defaultMode: 0440}
{{- end }}
{{- with .root.Values.pod.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "orderloom.volumeMounts" -}}
# The working folder of the image, the one that can be written to.
- {name: data, mountPath: /data}
{{- range $name, $of := .root.Values.certificates }}
- {name: certificates-{{ $name }}, mountPath: /etc/orderloom/certificates/{{ $name }}, readOnly: true}
{{- end }}
{{- if and (has .component (list "api" "all")) .root.Values.api.tls.secretName }}
- {name: tls, mountPath: /etc/orderloom/tls, readOnly: true}
{{- end }}
{{- with .root.Values.pod.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* What GET /ready is asked: for the one part of the work that a role has, or that its value names. */ -}}
{{- define "orderloom.readyPath" -}}
{{- $capability := get (dict "worker" "sagas" "projector" "views") .component | default .values.capability -}}
/ready{{ if $capability }}?capability={{ $capability }}{{ end }}
{{- end -}}

{{- define "orderloom.probes" -}}
# The processes serve at once, and wait for their servers by themselves.
startupProbe:
  httpGet: {path: /health, port: operations}
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: {path: /health, port: operations}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: {{ include "orderloom.readyPath" . | quote }}, port: operations}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end -}}

{{- /* Waits until the setup has brought the schema to this version, so that no pod starts and fails meanwhile. */ -}}
{{- define "orderloom.waitForSchema" -}}
- name: wait-for-schema
  image: {{ include "orderloom.image" .root | quote }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args: [migrate, --wait, {{ .root.Values.setup.waitForSchema | quote }}]
  env:
    {{- include "orderloom.databaseEnv" . | nindent 4 }}
  securityContext:
    {{- include "orderloom.containerSecurity" . | nindent 4 }}
  resources:
    requests: {cpu: 10m, memory: 32Mi}
    limits: {memory: 128Mi}
  volumeMounts:
    {{- include "orderloom.volumeMounts" . | nindent 4 }}
{{- end -}}

{{- /* Where pods of a component may run, and what they are. */ -}}
{{- define "orderloom.placement" -}}
{{- $v := .root.Values -}}
serviceAccountName: {{ .serviceAccount | default (include "orderloom.serviceAccountName" .root) | quote }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $v.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.pod.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $v.pod.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.pod.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $v.pod.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "orderloom.spread" -}}
topologySpreadConstraints:
  {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ $key }}
    maxSkew: 1
    whenUnsatisfiable: {{ $.root.Values.pod.spread }}
    labelSelector:
      matchLabels:
        {{- include "orderloom.selector" (list $.root $.component) | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end -}}

{{- define "orderloom.podMetadata" -}}
labels:
  {{- include "orderloom.labels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .component }}
  {{- with .root.Values.pod.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := deepCopy .root.Values.pod.annotations }}
{{- with .root.Values.pod.revision }}{{ $_ := set $annotations "orderloom/revision" . }}{{ end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* The template of the pods of a serving role. "without" lists settings that somebody else sets. */ -}}
{{- define "orderloom.podTemplate" -}}
metadata:
  {{- include "orderloom.podMetadata" . | nindent 2 }}
spec:
  {{- include "orderloom.placement" . | nindent 2 }}
  {{- include "orderloom.spread" . | nindent 2 }}
  terminationGracePeriodSeconds: {{ include "orderloom.grace" .root }}
  securityContext:
    {{- include "orderloom.podSecurity" . | nindent 4 }}
  initContainers:
    {{- include "orderloom.waitForSchema" . | nindent 4 }}
  containers:
    - name: orderloom
      image: {{ include "orderloom.image" .root | quote }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: [{{ .component }}]
      env:
        {{- include "orderloom.databaseEnv" . | nindent 8 }}
        {{- include "orderloom.servingEnv" . | trim | nindent 8 }}
        {{- include "orderloom.settingsEnv" . | trim | nindent 8 }}
        {{- with .root.Values.pod.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        {{- if has .component (list "api" "all") }}
        - {name: http, containerPort: 8080}
        {{- end }}
        - {name: operations, containerPort: 9464}
      {{- include "orderloom.probes" . | nindent 6 }}
      {{- with int .root.Values.drain.preStopSeconds }}
      lifecycle:
        preStop:
          sleep: {seconds: {{ . }}}
      {{- end }}
      securityContext:
        {{- include "orderloom.containerSecurity" . | nindent 8 }}
      resources:
        {{- toYaml .values.resources | nindent 8 }}
      volumeMounts:
        {{- include "orderloom.volumeMounts" . | nindent 8 }}
  volumes:
    {{- include "orderloom.volumes" . | nindent 4 }}
{{- end -}}

{{- /*
Refuses values that can't work, and those that lose orders, money or secrets. accept.… allows the latter, one by one.
files/settings.yaml has the names of all settings; the program prints it (internal/config).
*/ -}}
{{- define "orderloom.checks" -}}
{{- include "orderloom.checkSettings" . -}}
{{- include "orderloom.checkTogether" . -}}
{{- include "orderloom.checkPlaces" . -}}
{{- include "orderloom.checkEgress" . -}}
{{- include "orderloom.checkAccess" . -}}
{{- include "orderloom.checkPayments" . -}}
{{- include "orderloom.checkDatabase" . -}}
{{- include "orderloom.checkStopping" . -}}
{{- include "orderloom.checkReplicas" . -}}
{{- include "orderloom.checkVersions" . -}}
{{- end -}}

{{- /* A setting that some process has, or its default: (list $ "NAME"). */ -}}
{{- define "orderloom.anySetting" -}}
{{- $root := index . 0 -}}{{- $name := index . 1 -}}
{{- $found := get $root.Values.settings $name -}}
{{- range (include "orderloom.roles" $root | fromJson).roles -}}
{{- $found = get ((index $root.Values .).settings | default dict) $name | default $found -}}
{{- end -}}
{{- $found | default (dig $name "default" "" ($root.Files.Get "files/settings.yaml" | fromYaml)) -}}
{{- end -}}

{{- define "orderloom.checkSettings" -}}
{{- $known := .Files.Get "files/settings.yaml" | fromYaml -}}
{{- $chart := dict
  "DATABASE_URL" "database.runtime and database.owner"
  "ORDERLOOM_DATABASE_RUNTIME_ROLE" "database.runtimeRole"
  "ORDERLOOM_HTTP_ADDRESS" "service.port"
  "ORDERLOOM_HTTP_TLS_CERT_PATH" "api.tls.secretName"
  "ORDERLOOM_HTTP_TLS_KEY_PATH" "api.tls.secretName"
  "ORDERLOOM_OPERATIONS_ADDRESS" "networkPolicy.metrics, which says who reaches it"
  "ORDERLOOM_CODEC_ADDRESS" "codecServer.enabled"
  "ORDERLOOM_DRAIN_DELAY" "drain.delaySeconds"
  "ORDERLOOM_DRAIN_TIMEOUT" "drain.timeoutSeconds"
  "ORDERLOOM_DEPLOYMENT" "versioning.deployment"
  "ORDERLOOM_BUILD_ID" "versioning.buildId" -}}
{{- $places := dict "settings" .Values.settings -}}
{{- range $role := list "api" "worker" "projector" "all" "codecServer" -}}
{{- $_ := set $places (printf "%s.settings" $role) (dig "settings" (dict) (index $.Values $role)) -}}
{{- end -}}
{{- range $place, $settings := $places -}}
{{- range $name, $value := $settings -}}
{{- if not (hasKey $known $name) }}{{ fail (printf "%s.%s: there is no such setting; docs/configuration.md has all of them" $place $name) }}{{ end -}}
{{- if hasKey $chart $name }}{{ fail (printf "%s.%s: the chart sets it; use %s" $place $name (get $chart $name)) }}{{ end -}}
{{- if (get $known $name).secret }}{{ fail (printf "%s.%s: it is a secret, which everybody could read here; name its Secret in secrets.%s" $place $name $name) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range $name, $ref := .Values.secrets -}}
{{- if and $ref (include "orderloom.anyGiven" (list $ $name)) }}{{ fail (printf "secrets.%s: it stands in settings as well, and one of them would be ignored. Leave one out" $name) }}{{ end -}}
{{- if not (hasKey $known $name) }}{{ fail (printf "secrets.%s: there is no such setting; docs/configuration.md has all of them" $name) }}{{ end -}}
{{- if hasKey $chart $name }}{{ fail (printf "secrets.%s: the chart sets it; use %s" $name (get $chart $name)) }}{{ end -}}
{{- end -}}
{{- $roles := (include "orderloom.roles" . | fromJson).roles -}}
{{- if ne .Values.setup.run "none" }}{{ $roles = append $roles .Values.setup.command }}{{ end -}}
{{- range $name, $setting := $known -}}
{{- range $role := $setting.required -}}
{{- if and (has $role $roles) (not (hasKey $chart $name)) (not (get $.Values.secrets $name)) (not (include "orderloom.anySetting" (list $ $name))) -}}
{{- fail (printf "%s is required by %s: give it in %s.%s" $name $role (ternary "secrets" "settings" (dig "secret" false $setting)) $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* A setting as the values of some process have it, in clear text: (list $ "NAME"). */ -}}
{{- define "orderloom.anyGiven" -}}
{{- $root := index . 0 -}}{{- $name := index . 1 -}}
{{- $found := get $root.Values.settings $name -}}
{{- range list "api" "worker" "projector" "all" "codecServer" -}}
{{- $found = dig "settings" $name "" (index $root.Values .) | default $found -}}
{{- end -}}
{{- $found -}}
{{- end -}}

{{- /* Settings that are of no use without others, as settings or as secrets. A pod would end at once. */ -}}
{{- define "orderloom.checkTogether" -}}
{{- $needs := dict
  "ORDERLOOM_OIDC_ISSUER" (list "ORDERLOOM_OIDC_AUDIENCE" "ORDERLOOM_INDEX_KEYS")
  "ORDERLOOM_OIDC_AUDIENCE" (list "ORDERLOOM_OIDC_ISSUER")
  "ORDERLOOM_CODEC_ISSUER" (list "ORDERLOOM_CODEC_AUDIENCE")
  "ORDERLOOM_CODEC_AUDIENCE" (list "ORDERLOOM_CODEC_ISSUER")
  "KAFKA_SASL_USERNAME" (list "KAFKA_SASL_MECHANISM" "KAFKA_SASL_PASSWORD")
  "KAFKA_SASL_PASSWORD" (list "KAFKA_SASL_MECHANISM" "KAFKA_SASL_USERNAME")
  "SCHEMA_REGISTRY_PASSWORD" (list "SCHEMA_REGISTRY_USERNAME")
  "STRIPE_WEBHOOK_SECRET" (list "STRIPE_API_KEY") -}}
{{- range $server := list "TEMPORAL" "KAFKA" "REDIS" -}}
{{- $certificate := printf "%s_TLS_CLIENT_CERT_PATH" $server -}}{{- $key := printf "%s_TLS_CLIENT_KEY_PATH" $server -}}
{{- $_ := set $needs $certificate (list $key) -}}{{- $_ := set $needs $key (list $certificate) -}}
{{- end -}}
{{- range $name, $others := $needs -}}
{{- if or (include "orderloom.anyGiven" (list $ $name)) (get $.Values.secrets $name) -}}
{{- range $other := $others -}}
{{- if not (or (include "orderloom.anyGiven" (list $ $other)) (get $.Values.secrets $other)) }}{{ fail (printf "%s: it needs %s as well, or no pod would start" $name $other) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (eq (include "orderloom.anySetting" (list . "ORDERLOOM_PAYMENT_GATEWAY")) "stripe") (not .Values.secrets.STRIPE_API_KEY) }}{{ fail "ORDERLOOM_PAYMENT_GATEWAY=stripe: it needs secrets.STRIPE_API_KEY, or no worker would start" }}{{ end -}}
{{- if and (eq (include "orderloom.anySetting" (list . "ORDERLOOM_PAYMENT_GATEWAY")) "stripe") (not .Values.secrets.STRIPE_WEBHOOK_SECRET) }}{{ fail "ORDERLOOM_PAYMENT_GATEWAY=stripe: without secrets.STRIPE_WEBHOOK_SECRET nobody would hear of payments that Stripe reports" }}{{ end -}}
{{- if and (include "orderloom.anyGiven" (list . "ORDERLOOM_HTTP_TLS_CLIENT_CA_PATH")) (not .Values.api.tls.secretName) }}{{ fail "ORDERLOOM_HTTP_TLS_CLIENT_CA_PATH: clients show certificates over TLS alone. Give api.tls.secretName" }}{{ end -}}
{{- if and .Values.codecServer.enabled (not .Values.secrets.ORDERLOOM_CODEC_TOKEN) (not (include "orderloom.anyGiven" (list . "ORDERLOOM_CODEC_ISSUER"))) }}{{ fail "codecServer: it would decrypt for everybody. Give ORDERLOOM_CODEC_ISSUER, or secrets.ORDERLOOM_CODEC_TOKEN" }}{{ end -}}
{{- end -}}

{{- /* What stands where the checks do not see it, or where another part of the platform does not find it. */ -}}
{{- define "orderloom.checkPlaces" -}}
{{- $known := .Files.Get "files/settings.yaml" | fromYaml -}}
{{- range .Values.pod.extraEnv -}}
{{- if hasKey $known .name }}{{ fail (printf "pod.extraEnv: %s is a setting; give it in settings or secrets, where it is checked" .name) }}{{ end -}}
{{- end -}}
{{- range $name, $value := .Values.pod.labels -}}
{{- if regexMatch "^(app[.]kubernetes[.]io/(name|instance|component|version|managed-by)|helm[.]sh/chart)$" $name }}{{ fail (printf "pod.labels: %s is the chart's, whose selectors go by it" $name) }}{{ end -}}
{{- end -}}
{{- $shared := list "ORDERLOOM_MODE" "TEMPORAL_ADDRESS" "TEMPORAL_NAMESPACE" "KAFKA_BROKERS" "ORDERLOOM_KAFKA_PARTITIONS" -}}
{{- $places := dict "settings" .Values.settings -}}
{{- range $role := list "api" "worker" "projector" "all" "codecServer" -}}
{{- $settings := dig "settings" (dict) (index $.Values $role) -}}
{{- $_ := set $places (printf "%s.settings" $role) $settings -}}
{{- range $name := $shared -}}
{{- if hasKey $settings $name }}{{ fail (printf "%s.settings.%s: every process and the setup need the same one. Give it in settings" $role $name) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range $place, $settings := $places -}}
{{- range $name, $value := $settings -}}
{{- $mount := regexFind "^/etc/orderloom/certificates/[^/]+" $value | base -}}
{{- if and (hasPrefix "/etc/orderloom/certificates/" $value) (not (hasKey $.Values.certificates $mount)) }}{{ fail (printf "%s.%s=%s: nothing is mounted there. Name its Secret in certificates.%s.secretName" $place $name $value $mount) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range splitList "," (include "orderloom.anyGiven" (list . "ORDERLOOM_TRUSTED_PROXIES")) -}}
{{- if hasSuffix "/0" (trim .) }}{{ fail "ORDERLOOM_TRUSTED_PROXIES: with a network of everybody every caller could choose the address that limits and the audit know it by. Name the network of the ingress" }}{{ end -}}
{{- end -}}
{{- end -}}

{{- /* The network policy lets pods reach what their settings name. What is in Secrets is not known here. */ -}}
{{- define "orderloom.checkEgress" -}}
{{- $v := .Values.networkPolicy -}}
{{- if and $v.enabled (not $v.egress.rules) -}}
{{- if not $v.egress.ports }}{{ fail "networkPolicy.egress: without ports and rules pods could reach no server. Give one of them" }}{{ end -}}
{{- $names := list "TEMPORAL_ADDRESS" "KAFKA_BROKERS" "SCHEMA_REGISTRY_URL" "KAFKA_SASL_TOKEN_URL" "ORDERLOOM_OIDC_ISSUER" "ORDERLOOM_CODEC_ISSUER" "ORDERLOOM_WEBHOOK_PROXY_URL" "ORDERLOOM_STRIPE_URL" "OTEL_EXPORTER_OTLP_ENDPOINT" -}}
{{- range $name := $names -}}
{{- range $address := include "orderloom.anyGiven" (list $ $name) | splitList "," -}}
{{- $address = trim $address -}}
{{- $host := regexReplaceAll "^[a-z]+://" $address "" | splitList "/" | first -}}
{{- $port := regexFind ":[0-9]+$" $host | trimPrefix ":" -}}
{{- if not $port }}{{ $port = ternary "443" (ternary "80" "" (hasPrefix "http://" $address)) (hasPrefix "https://" $address) }}{{ end -}}
{{- $open := list -}}
{{- range $v.egress.ports }}{{ $open = append $open (int . | toString) }}{{ end -}}
{{- if and $port (not (has $port $open)) }}{{ fail (printf "%s=%s: pods may not reach port %s. Add it to networkPolicy.egress.ports, or give networkPolicy.egress.rules" $name $address $port) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "orderloom.checkAccess" -}}
{{- $open := include "orderloom.anySetting" (list . "ORDERLOOM_API_OPEN") -}}
{{- $outside := or .Values.ingress.enabled (ne .Values.service.type "ClusterIP") -}}
{{- if eq $open "loopback" }}{{ fail "ORDERLOOM_API_OPEN=loopback: a pod is reached from elsewhere, so the API would not start" }}{{ end -}}
{{- if and (eq $open "everywhere") $outside }}{{ fail "ORDERLOOM_API_OPEN=everywhere: anybody could place orders and cancel them, since the API is reached from outside of the cluster. Leave it out, and make keys" }}{{ end -}}
{{- if and (eq $open "everywhere") (not .Values.accept.openAPI) }}{{ fail "ORDERLOOM_API_OPEN=everywhere: every pod of the cluster could place orders and cancel them. Leave it out, and make keys; or set accept.openAPI" }}{{ end -}}
{{- $tls := or .Values.api.tls.secretName .Values.accept.plainHTTP -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.tls) (not $tls) }}{{ fail "ingress.tls: keys would travel in the clear. Name a certificate; or set accept.plainHTTP where something before the ingress has one" }}{{ end -}}
{{- if and (ne .Values.service.type "ClusterIP") (not $tls) }}{{ fail (printf "service.type %s: keys would travel in the clear. Give api.tls.secretName; or set accept.plainHTTP where the load balancer has a certificate" .Values.service.type) }}{{ end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}{{ fail "ingress.hosts: an ingress needs a host" }}{{ end -}}
{{- if and (not .Values.networkPolicy.enabled) (not .Values.accept.openMetrics) }}{{ fail "networkPolicy.enabled: without it every pod of the cluster reads metrics, which need no key. Leave it on; or set accept.openMetrics" }}{{ end -}}
{{- if and .Values.networkPolicy.enabled (not .Values.networkPolicy.metrics) (not .Values.accept.openMetrics) }}{{ fail "networkPolicy.metrics: without selectors every pod of the cluster reads metrics, which need no key. Name who may; or set accept.openMetrics" }}{{ end -}}
{{- range .Values.networkPolicy.metrics -}}
{{- $all := and (hasKey . "namespaceSelector") (not .namespaceSelector) (not .podSelector) -}}
{{- if and (or $all (has (dig "ipBlock" "cidr" "" .) (list "0.0.0.0/0" "::/0"))) (not $.Values.accept.openMetrics) }}{{ fail "networkPolicy.metrics: a selector of everything lets every pod of the cluster read metrics, which need no key. Name who may; or set accept.openMetrics" }}{{ end -}}
{{- end -}}
{{- $profile := include "orderloom.anySetting" (list . "ORDERLOOM_PROFILE_ADDRESS") -}}
{{- if and $profile (not (regexMatch "^(localhost|127\\.0\\.0\\.1|\\[::1\\]):" $profile)) }}{{ fail (printf "ORDERLOOM_PROFILE_ADDRESS=%s: profiles have no authentication. Keep them on localhost, and use kubectl port-forward" $profile) }}{{ end -}}
{{- end -}}

{{- define "orderloom.checkPayments" -}}
{{- $sandbox := eq (include "orderloom.anySetting" (list . "ORDERLOOM_PAYMENT_GATEWAY")) "sandbox" -}}
{{- $live := ne (include "orderloom.anySetting" (list . "ORDERLOOM_MODE")) "test" -}}
{{- if and $sandbox $live (not .Values.accept.sandboxPayments) }}{{ fail "ORDERLOOM_PAYMENT_GATEWAY=sandbox on a live platform: goods would be shipped that nobody has paid for. Set ORDERLOOM_MODE to test; or accept.sandboxPayments" }}{{ end -}}
{{- $workers := ternary .Values.all .Values.worker (eq .Values.mode "all") -}}
{{- $most := dig "autoscaling" "max" 1 $workers -}}
{{- if eq (dig "autoscaling" "by" "off" $workers) "off" }}{{ $most = $workers.replicas }}{{ end -}}
{{- if and $sandbox (gt (int $most) 1) (not (include "orderloom.anySetting" (list . "ORDERLOOM_SANDBOX_LEDGER"))) }}{{ fail "ORDERLOOM_PAYMENT_GATEWAY=sandbox: each worker would have a ledger of its own, and not find the payments of the others. Run one worker, or give ORDERLOOM_SANDBOX_LEDGER on a volume that all of them share" }}{{ end -}}
{{- end -}}

{{- define "orderloom.checkDatabase" -}}
{{- $v := .Values.database -}}
{{- if not $v.runtime.name }}{{ fail "database.runtime.name: name the Secret that holds DATABASE_URL" }}{{ end -}}
{{- $one := or (not $v.runtimeRole) (not $v.owner.name) (and (eq $v.owner.name $v.runtime.name) (eq $v.owner.key $v.runtime.key)) -}}
{{- if and $one (not .Values.accept.oneDatabaseRole) }}{{ fail "database: the processes would have the role that owns the schema, and could change and drop everything. Give database.owner and database.runtimeRole; or set accept.oneDatabaseRole" }}{{ end -}}
{{- if and $v.runtimeRole (not $v.owner.name) }}{{ fail "database.runtimeRole: only the owner of the schema can give it what it needs. Give database.owner; or leave the role empty" }}{{ end -}}
{{- end -}}

{{- define "orderloom.checkStopping" -}}
{{- $v := .Values.drain -}}
{{- if lt (int $v.timeoutSeconds) 5 }}{{ fail (printf "drain.timeoutSeconds %d: steps that are under way would be cut off, and be carried out again. At least 5" (int $v.timeoutSeconds)) }}{{ end -}}
{{- if lt (int (add $v.preStopSeconds $v.delaySeconds)) 1 }}{{ fail "drain.preStopSeconds and drain.delaySeconds are 0: requests would be sent to pods that have stopped" }}{{ end -}}
{{- if gt (mul 2 (int $v.delaySeconds)) (int $v.timeoutSeconds) }}{{ fail (printf "drain.delaySeconds %d: it takes at most half of drain.timeoutSeconds" (int $v.delaySeconds)) }}{{ end -}}
{{- end -}}

{{- define "orderloom.checkReplicas" -}}
{{- $components := (include "orderloom.roles" . | fromJson).roles -}}
{{- if .Values.codecServer.enabled }}{{ $components = append $components "codecServer" }}{{ end -}}
{{- range $name := $components -}}
{{- $v := index $.Values $name -}}
{{- $by := dig "autoscaling" "by" "off" $v -}}
{{- $least := $v.replicas -}}
{{- if ne $by "off" -}}
{{- $least = $v.autoscaling.min -}}
{{- if and (eq $name "api") (eq $by "hpa") (not (dig "requests" "cpu" "" $v.resources)) }}{{ fail "api.autoscaling.by hpa: it goes by the share of api.resources.requests.cpu, which is not given" }}{{ end -}}
{{- if gt (int $v.autoscaling.min) (int $v.autoscaling.max) }}{{ fail (printf "%s.autoscaling.min is above its max" $name) }}{{ end -}}
{{- end -}}
{{- if and $v.disruption.enabled (le (int $least) (int $v.disruption.maxUnavailable)) }}{{ fail (printf "%s: a budget that lets %d of %d pods go protects nothing. Run more of them, or set %s.disruption.enabled to false" $name (int $v.disruption.maxUnavailable) (int $least) $name) }}{{ end -}}
{{- end -}}
{{- if eq .Values.mode "roles" -}}
{{- $most := ternary .Values.projector.replicas .Values.projector.autoscaling.max (eq .Values.projector.autoscaling.by "off") -}}
{{- $partitions := include "orderloom.anySetting" (list . "ORDERLOOM_KAFKA_PARTITIONS") | int -}}
{{- if gt (int $most) $partitions }}{{ fail (printf "projector: %d of them for %d partitions of a topic; the others would have nothing to do" (int $most) $partitions) }}{{ end -}}
{{- end -}}
{{- end -}}

{{- define "orderloom.checkVersions" -}}
{{- $v := .Values -}}
{{- if and (eq ($v.image.tag | default .Chart.AppVersion) "latest") (not $v.image.digest) }}{{ fail "image.tag latest: pods of one release could run different builds, and a rollback could not name the former one" }}{{ end -}}
{{- if eq $v.versioning.by "controller" -}}
{{- if eq $v.mode "all" }}{{ fail "versioning.by controller: it runs several versions of the worker at once. Set mode to roles" }}{{ end -}}
{{- if ne $v.worker.autoscaling.by "off" }}{{ fail "versioning.by controller: it has a deployment for each version. Scale those with a WorkerResourceTemplate, and set worker.autoscaling.by to off" }}{{ end -}}
{{- if and (not $v.versioning.connection.name) (not $v.settings.TEMPORAL_ADDRESS) }}{{ fail "versioning.connection.name: name a Connection, or give settings.TEMPORAL_ADDRESS" }}{{ end -}}
{{- end -}}
{{- if and (eq $v.versioning.by "buildId") $v.image.digest (not $v.image.tag) (not $v.versioning.buildId) }}{{ fail "versioning.buildId: an image that is named by its digest alone has no version. Give one for each build" }}{{ end -}}
{{- end -}}

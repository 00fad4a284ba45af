{{- define "orderloom.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- /* The name of all objects; a component is appended. */ -}}
{{- define "orderloom.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "orderloom.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "orderloom.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "orderloom.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/name: {{ include "orderloom.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ include "orderloom.version" . | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- /* What selects the pods of a component: (list $ "api"). It never changes between versions. */ -}}
{{- define "orderloom.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "orderloom.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- /* The version that runs, as a label may have it. */ -}}
{{- define "orderloom.version" -}}
{{- .Values.image.tag | default .Chart.AppVersion | trunc 63 | trimAll "-_." -}}
{{- end -}}

{{- define "orderloom.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "orderloom.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "orderloom.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- /* The roles that run, as a JSON list under "roles". */ -}}
{{- define "orderloom.roles" -}}
{{- if eq .Values.mode "all" -}}
{{- dict "roles" (list "all") | toJson -}}
{{- else -}}
{{- dict "roles" (list "api" "worker" "projector") | toJson -}}
{{- end -}}
{{- end -}}

{{- /* The role that serves the API. */ -}}
{{- define "orderloom.apiRole" -}}
{{- ternary "all" "api" (eq .Values.mode "all") -}}
{{- end -}}

{{- /* The series of this release, whose names another one of the same Prometheus has as well. */ -}}
{{- define "orderloom.series" -}}
{{- printf "namespace=%q,release=%q" .Release.Namespace .Release.Name -}}
{{- end -}}

{{- /* An expression of PromQL about this release alone: (list $ "max(orderloom_attention)"). */ -}}
{{- define "orderloom.ofRelease" -}}
{{- $series := include "orderloom.series" (index . 0) -}}
{{- $braced := regexReplaceAll `\b(orderloom_[a-z_]+|up)\{` (index . 1) (printf "${1}{%s," $series) -}}
{{- regexReplaceAll `\b(orderloom_[a-z_]+)([^a-z_{]|$)` $braced (printf "${1}{%s}${2}" $series) -}}
{{- end -}}

{{- /* How a role scales: off, hpa or keda, of (list $ "worker"). The role all does not. */ -}}
{{- define "orderloom.scaledBy" -}}
{{- dig "autoscaling" "by" "off" (index (index . 0).Values (index . 1)) -}}
{{- end -}}

{{- /* How many seconds a pod may take to stop: the pause before, the drain, and some for the rest. */ -}}
{{- define "orderloom.grace" -}}
{{- add .Values.drain.preStopSeconds .Values.drain.timeoutSeconds 10 -}}
{{- end -}}

{{- /* A quantity such as 200m or 2 as a plain number. */ -}}
{{- define "orderloom.seconds" -}}
{{- $text := toString . -}}
{{- if hasSuffix "m" $text -}}
{{- divf (trimSuffix "m" $text | float64) 1000 -}}
{{- else -}}
{{- $text -}}
{{- end -}}
{{- end -}}

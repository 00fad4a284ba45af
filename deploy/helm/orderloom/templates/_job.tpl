{{- /* The pod of a job that works as the owner of the schema. "args" is its command line; without it that of the setup. */ -}}
{{- define "orderloom.jobPod" -}}
metadata:
  {{- include "orderloom.podMetadata" . | nindent 2 }}
spec:
  {{- include "orderloom.placement" . | nindent 2 }}
  restartPolicy: Never
  securityContext:
    {{- include "orderloom.podSecurity" . | nindent 4 }}
  containers:
    - name: orderloom
      image: {{ include "orderloom.image" .root | quote }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: {{ .args | default (list .root.Values.setup.command) | toJson }}
      env:
        {{- include "orderloom.databaseEnv" . | nindent 8 }}
        {{- with .root.Values.database.runtimeRole }}
        - name: ORDERLOOM_DATABASE_RUNTIME_ROLE
          value: {{ . | quote }}
        {{- end }}
        {{- include "orderloom.settingsEnv" . | trim | nindent 8 }}
        {{- with .root.Values.pod.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      securityContext:
        {{- include "orderloom.containerSecurity" . | nindent 8 }}
      resources:
        {{- toYaml .root.Values.setup.resources | nindent 8 }}
      volumeMounts:
        {{- include "orderloom.volumeMounts" . | nindent 8 }}
  volumes:
    {{- include "orderloom.volumes" . | nindent 4 }}
{{- end -}}

{{- /* A hook runs before the chart's own account is there. */ -}}
{{- define "orderloom.setupServiceAccountName" -}}
{{- if .Values.setup.serviceAccountName -}}
{{- .Values.setup.serviceAccountName -}}
{{- else if and .Values.serviceAccount.create (eq .Values.setup.run "hook") -}}
default
{{- else -}}
{{- include "orderloom.serviceAccountName" . -}}
{{- end -}}
{{- end -}}

{{- define "orderloom.setupSpec" -}}
backoffLimit: {{ .root.Values.setup.backoffLimit }}
activeDeadlineSeconds: {{ .root.Values.setup.activeDeadlineSeconds }}
template:
  {{- include "orderloom.jobPod" . | nindent 2 }}
{{- end -}}

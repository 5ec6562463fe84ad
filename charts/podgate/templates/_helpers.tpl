{{- define "podgate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 45 | trimSuffix "-" }}
{{- end }}

{{/*
The release's name if it contains the chart's name, as in most charts. The length leaves room for suffixes. Release names may
contain dots and start with a digit; names of Services may not.
*/}}
{{- define "podgate.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" }}
{{- else if contains (include "podgate.name" .) .Release.Name }}
{{- include "podgate.releaseName" . | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" (include "podgate.releaseName" .) (include "podgate.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "podgate.releaseName" -}}
{{- regexReplaceAll "^([0-9])" (.Release.Name | replace "." "-") "r${1}" }}
{{- end }}

{{/* A DaemonSet's selector is immutable: it holds only labels that never change. */}}
{{- define "podgate.selectorLabels" -}}
app.kubernetes.io/name: {{ include "podgate.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "podgate.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
app.kubernetes.io/part-of: "podgate"
{{- end }}

{{/* For all objects except those of hooks. */}}
{{- define "podgate.labels" -}}
{{ include "podgate.selectorLabels" . }}
{{ include "podgate.commonLabels" . }}
{{- end }}

{{/* For objects of hooks: the agents' selectors must not match them. Call with (list . COMPONENT). */}}
{{- define "podgate.hookLabels" -}}
{{- $top := index . 0 -}}
app.kubernetes.io/name: {{ printf "%s-%s" (include "podgate.name" $top) (index . 1) | quote }}
app.kubernetes.io/instance: {{ $top.Release.Name | quote }}
{{- end }}

{{- define "podgate.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "podgate.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "podgate.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* A non-root user would lose NET_ADMIN: Kubernetes sets no capabilities that survive exec. */}}
{{- define "podgate.netAdmin" -}}
runAsUser: 0
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: ["ALL"]
  add: ["NET_ADMIN"]
seccompProfile:
  type: "RuntimeDefault"
{{- end }}

{{/* Checks that the schema cannot express. */}}
{{- define "podgate.check" -}}
{{- if and .Values.podMonitor.enabled .Values.serviceMonitor.enabled }}
{{- fail "podMonitor.enabled and serviceMonitor.enabled are both true: Prometheus would scrape every agent twice; disable one of them" }}
{{- end }}
{{- range $kind := list "podMonitor" "serviceMonitor" "prometheusRule" "grafanaDashboard" }}
{{- if and (default dict (index $.Values $kind)).enabled (not $.Values.metrics.enabled) }}
{{- fail (printf "%s.enabled is true but metrics.enabled is false: there would be nothing to scrape; set metrics.enabled=true" $kind) }}
{{- end }}
{{- end }}
{{- $monitored := or .Values.podMonitor.enabled .Values.serviceMonitor.enabled }}
{{- if and .Values.prometheusRule.enabled (not $monitored) (not .Values.prometheusRule.job) }}
{{- fail "prometheusRule.enabled is true but the chart configures no scraping of the agents: PodgateDown would always fire; enable podMonitor or serviceMonitor, or set prometheusRule.job to the job that scrapes them" }}
{{- end }}
{{- if ne (empty .Values.apiServer.host) (empty (toString .Values.apiServer.port)) }}
{{- fail "only one of apiServer.host and apiServer.port is set: set both or neither" }}
{{- end }}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) .Values.rbac.create }}
{{- fail "serviceAccount.create is false and serviceAccount.name is empty: rbac.create would grant the agent's permissions to every pod of the namespace without a service account of its own; set serviceAccount.name" }}
{{- end }}
{{- if and .Values.metrics.enabled (eq (toString .Values.probes.port) (toString .Values.metrics.port)) }}
{{- fail "probes.port and metrics.port are the same: use two different ports of the node" }}
{{- end }}
{{- $cleanup := printf "%s-cleanup" (include "podgate.fullname" .) }}
{{- $left := lookup "apps/v1" "DaemonSet" .Release.Namespace $cleanup }}
{{- if and $left .Release.IsInstall }}
{{- if eq (dig "metadata" "labels" "app.kubernetes.io/name" "" $left) (printf "%s-cleanup" (include "podgate.name" .)) }}
{{- fail (printf "an earlier uninstall did not finish: its DaemonSet %s would keep the agents Pending; if it was interrupted, run helm uninstall again; if the release is already gone, run kubectl -n %s delete daemonset,job,rolebinding,role,serviceaccount %s --ignore-not-found" $cleanup .Release.Namespace $cleanup) }}
{{- end }}
{{- end }}
{{- $resources := .Values.resources }}
{{- range $name := list "cpu" "memory" }}
{{- if ne (toString (index $resources.requests $name)) (toString (index $resources.limits $name)) }}
{{- fail (printf "resources.requests.%s and resources.limits.%s differ: the agent's pods would not be Guaranteed, and the kernel could kill the agent before other pods; set both to the same value" $name $name) }}
{{- end }}
{{- end }}
{{- end }}

{{/* The scrape settings of both kinds of monitors. An agent's address is its node's, so the node's name is the better label. */}}
{{- define "podgate.scrape" -}}
{{- with .interval }}
interval: {{ . | quote }}
{{- end }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . | quote }}
{{- end }}
relabelings:
  - sourceLabels: ["__meta_kubernetes_pod_node_name"]
    targetLabel: "node"
  {{- with .relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/*
The agents' tolerations without the one for every taint: a pod that must start and end would never do so on a node that is down.
*/}}
{{- define "podgate.keyedTolerations" -}}
{{- range .Values.tolerations }}
{{- if .key }}
- {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "podgate.unprivileged" -}}
runAsUser: 65534
runAsGroup: 65534
runAsNonRoot: true
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: ["ALL"]
seccompProfile:
  type: "RuntimeDefault"
{{- end }}

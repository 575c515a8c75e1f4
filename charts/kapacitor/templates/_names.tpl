{{- define "kapacitor.name" -}}
{{ .Values.nameOverride | default .Release.Name }}
{{- end }}

{{- define "kapacitor.labels" -}}
app.kubernetes.io/name: kapacitor-cluster
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "kapacitor.testImage" -}}
{{- if .Values.test.image }}{{ .Values.test.image }}
{{- else }}
{{- $repository := .Values.image.repository | default "kapacitor/kapacitord" }}
{{- if .Values.image.digest }}{{ $repository }}@{{ .Values.image.digest }}
{{- else }}{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- /* Of the Secret with the authority of the members' HTTP API; empty: it is plain. */}}
{{- define "kapacitor.authority" -}}
{{- with dig "tls" "api" dict (include "kapacitor.spec" . | fromYaml) }}
{{- .caSecretName | default .secretName }}
{{- end }}
{{- end }}

{{- /* Host name of the first member: a certificate for the members need not name the Service. */}}
{{- define "kapacitor.firstMember" -}}
{{- $name := include "kapacitor.name" . }}
{{- $domain := .Values.spec.clusterDomain | default "cluster.local" }}
{{- printf "%s-0.%s-members.%s.svc.%s" $name $name .Release.Namespace $domain }}
{{- end }}

{{- /* The spec, as a map: what the values say, under what `spec` says. Empty values are left to the operator. */}}
{{- define "kapacitor.spec" -}}
{{- $v := .Values }}
{{- $name := include "kapacitor.name" . }}
{{- $spec := dict "replicas" (int $v.replicas) }}
{{- if $v.stopped }}{{ $_ := set $spec "stopped" true }}{{ end }}
{{- $image := dict }}
{{- with $v.image.repository }}{{ $_ := set $image "repository" . }}{{ end }}
{{- if $v.image.digest }}{{ $_ := set $image "digest" $v.image.digest }}
{{- else if $v.image.tag }}{{ $_ := set $image "tag" $v.image.tag }}{{ end }}
{{- if ne $v.image.pullPolicy "IfNotPresent" }}{{ $_ := set $image "pullPolicy" $v.image.pullPolicy }}{{ end }}
{{- if $image }}{{ $_ := set $spec "image" $image }}{{ end }}
{{- $influxdbs := list }}
{{- if $v.influxdb.urls }}
{{- $one := dict "name" $v.influxdb.name "urls" $v.influxdb.urls "default" true }}
{{- with $v.influxdb.existingSecret }}{{ $_ := set $one "credentialsSecretRef" (dict "name" .) }}{{ end }}
{{- $influxdbs = append $influxdbs (mergeOverwrite $one (deepCopy $v.influxdb.extra)) }}
{{- end }}
{{- with concat $influxdbs $v.moreInfluxdbs }}{{ $_ := set $spec "influxdb" . }}{{ end }}
{{- $load := list }}
{{- range $kind := list "templates" "tasks" "handlers" }}
{{- if get $v.load $kind }}
{{- $load = append $load (dict "configMapRef" (dict "name" (printf "%s-%s" $name $kind)) "kind" $kind) }}
{{- end }}
{{- end }}
{{- range $v.load.existing }}
{{- $load = append $load (dict "configMapRef" (dict "name" .name) "kind" .kind) }}
{{- end }}
{{- with $load }}{{ $_ := set $spec "load" . }}{{ end }}
{{- range $field := list "imagePullSecrets" "alert" "cluster" "tls" "extraConfig" "env" "envFrom" "resources" "podTemplate" }}
{{- with get $v $field }}{{ $_ := set $spec $field . }}{{ end }}
{{- end }}
{{- $storage := dict "size" $v.persistence.size }}
{{- with $v.persistence.storageClass }}{{ $_ := set $storage "storageClassName" . }}{{ end }}
{{- $_ := set $spec "storage" $storage }}
{{- $_ := set $spec "podDisruptionBudget" (dict "enabled" $v.podDisruptionBudget.enabled) }}
{{- $policy := dict "enabled" $v.networkPolicy.enabled }}
{{- with $v.networkPolicy.peers }}{{ $_ := set $policy "peers" . }}{{ end }}
{{- $_ := set $spec "networkPolicy" $policy }}
{{- mergeOverwrite $spec (deepCopy $v.spec) | toYaml }}
{{- end }}

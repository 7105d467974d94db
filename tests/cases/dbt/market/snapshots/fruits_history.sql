{% snapshot fruits_history %}
{{ config(unique_key='id', strategy='check', check_cols=['price']) }}
select * from {{ ref('fruits') }}
{% endsnapshot %}

{{ config(enabled=false) }}
select {{ dbt_utils.generate_surrogate_key(['day']) }} as key from {{ ref('daily_sales') }}

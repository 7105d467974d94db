{{
    config(
        materialized='incremental',
        unique_key='sale_id'
    )
}}

select sale_id, fruit_id, amount, sold_on
from {{ ref('market', 'stg_sales') }}
{% if is_incremental() %}
where sold_on >= (select max(sold_on) from {{ this }})
{% endif %}

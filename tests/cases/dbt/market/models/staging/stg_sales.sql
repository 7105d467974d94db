{{ config(tags=['sales']) }}

with sales as (
    -- the CTE has the name of the seed
    select * from {{ ref('sales') }}
)
select id as sale_id, fruit_id, amount, sold_on from sales

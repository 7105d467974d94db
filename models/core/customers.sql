-- One row per customer, those who never ordered included.
with ordered as (
    select
        customer_code,
        count(*) as orders,
        sum(amount_yen) as amount_yen,
        min(ordered_on) as first_order_on,
        max(ordered_on) as last_order_on
    from orders
    where not is_cancelled
    group by customer_code
)

select
    customers.customer_code,
    customers.name,
    customers.email,
    customers.city,
    customers.joined_on,
    customers.referred_by,
    cast(coalesce(ordered.orders, 0) as integer) as orders,
    cast(coalesce(ordered.amount_yen, 0) as integer) as amount_yen,
    ordered.first_order_on,
    ordered.last_order_on
from staging.customers as customers
left join ordered on ordered.customer_code = customers.customer_code

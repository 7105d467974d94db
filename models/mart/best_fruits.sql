-- Which fruits bring in the most, those that were never sold included.
with sold as (
    select
        items.fruit_code,
        sum(items.quantity) as quantity,
        sum(items.amount_yen) as amount_yen
    from core.order_items as items
    join core.orders as orders on orders.order_id = items.order_id
    where not orders.is_cancelled
    group by items.fruit_code
)

select
    cast(rank() over (order by coalesce(sold.amount_yen, 0) desc) as integer) as place,
    fruits.fruit_code,
    fruits.name,
    fruits.name_ja,
    cast(coalesce(sold.quantity, 0) as decimal(8, 1)) as quantity,
    fruits.unit,
    cast(coalesce(sold.amount_yen, 0) as integer) as amount_yen
from staging.fruits as fruits
left join sold on sold.fruit_code = fruits.fruit_code

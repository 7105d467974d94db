-- One row per order line with its price. A macro (templates/macros/shop.sql) keeps the rounding in one place.
select
    items.order_id,
    items.line,
    items.fruit_code,
    fruits.name as fruit,
    items.quantity,
    fruits.unit,
    items.discount,
    {{ yen('items.quantity * fruits.price_yen', 'items.discount') }} as amount_yen
from staging.order_items as items
join staging.fruits as fruits on fruits.fruit_code = items.fruit_code

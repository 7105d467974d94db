select id, upper(name) as name, price * 2 as double_price from fruits
